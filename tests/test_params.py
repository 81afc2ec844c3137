"""params.yaml: wrong keys, types and ranges end in one line with key, value and rule."""

from typing import Annotated

import pytest
from pydantic import Field, model_validator

from tapeline.errors import ParamsError
from tapeline.params import Params, Section


class Example(Section):
    """A section with one of each."""

    size: Annotated[int, Field(ge=1)]
    rate: float
    names: Annotated[tuple[str, ...], Field(strict=False)]

    @model_validator(mode="after")
    def _asks_of_all(self):
        """A rule of the section and not of one key."""
        if self.size == 7:
            raise ValueError("size = 7 must be another")
        return self


GOOD = "example:\n  size: 3\n  rate: 1e-3\n  names: [a, b]\n"


def read(tmp_path, text):
    """Write and read a params file."""
    (tmp_path / "params.yaml").write_text(text)
    return Params.read(tmp_path / "params.yaml")


def test_a_good_section_is_read_with_its_types(tmp_path):
    """Scientific notation is a number, a list becomes a tuple, the model is frozen."""
    example = read(tmp_path, GOOD).section("example", Example)
    assert example == Example(size=3, rate=0.001, names=("a", "b"))
    with pytest.raises(ValueError, match="frozen"):
        example.size = 4


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("size: 3", "size: 0", "params.yaml: example.size is 0: must be greater than or equal to 1"),
        ("size: 3", "size: 3.5", "params.yaml: example.size is 3.5: must be a valid integer"),
        ("size: 3", "size: '3'", "params.yaml: example.size is '3': must be a valid integer"),
        ("size: 3", "size: true", "params.yaml: example.size is True: must be a valid integer"),
        ("size: 3", "sise: 3", "params.yaml: example.sise is 3: is no known key"),
        ("size: 3", "", "params.yaml: example.size is missing"),
        ("rate: 1e-3", "rate: 1e-3\n  more: 1", "params.yaml: example.more is 1: is no known key"),
        ("[a, b]", "[a, 7]", "params.yaml: example.names.1 is 7: must be a valid string"),
        ("size: 3", "size:", "params.yaml: example.size is empty: must be a valid integer"),
        ("size: 3", "size: 7", "params.yaml: example: size = 7 must be another"),
    ],
)
def test_a_wrong_key_type_or_range_names_key_value_and_rule(tmp_path, old, new, message):
    """Each mistake is one line."""
    with pytest.raises(ParamsError) as caught:
        read(tmp_path, GOOD.replace(old, new)).section("example", Example)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_single_key_is_validated_like_a_section(tmp_path):
    """`value` gives one key with its type checked, and names one that is missing."""
    params = read(tmp_path, GOOD)
    assert params.value("example.size", int) == 3
    with pytest.raises(ParamsError, match=r"params.yaml: example.size is 3: must be a valid string"):
        params.value("example.size", str)
    with pytest.raises(ParamsError, match=r"params.yaml: example.other is missing"):
        params.value("example.other", int)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a:\n  c: 3\n  b 5\n  d: 1\n", "line 3, '  b 5': could not find expected ':'"),
        ("a:\n\tb: 5\n", r"line 2, '\tb: 5': found character '\t' that cannot start any token"),
        ("a:\n  b: 5  # why\n  c: 1\n  b: 6\n", "line 4, '  b: 6': found duplicate key \"b\""),
        ("a:\n  b: x\n  - c\n", "line 3, '  - c': expected <block end>, but found '-'"),
        ("a: [1\n", "line 2, 'its end': expected ',' or ']'"),
    ],
)
def test_what_is_not_yaml_is_told_by_its_line(tmp_path, text, line):
    """As a person counts them, with what stands there, and not the parser's own account."""
    with pytest.raises(ParamsError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"params.yaml: the file is not YAML: {line}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\n", "params.yaml: the file is not YAML"),
        ("- 1\n", "must be a mapping"),
        ("", "must be a mapping"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text, message):
    """Broken YAML, a list and an empty file."""
    with pytest.raises(ParamsError, match=message):
        read(tmp_path, text)
    with pytest.raises(ParamsError, match="can't be read"):
        Params.read(tmp_path / "nowhere.yaml")
    with pytest.raises(ParamsError, match=r"params.yaml: example must be a section"):
        read(tmp_path, "other: 1\n").section("example", Example)
