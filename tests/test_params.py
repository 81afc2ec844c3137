"""params.yaml: wrong keys, types and ranges end in one line with key, value and rule."""

from typing import Annotated

import pytest
from pydantic import Field

from tapeline.errors import ParamsError
from tapeline.params import Params, Section


class Example(Section):
    """A section with one of each."""

    size: Annotated[int, Field(ge=1)]
    rate: float
    names: Annotated[tuple[str, ...], Field(strict=False)]


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
        ("size: 3", "size: 0", "params.yaml: example.size is 0: Input should be greater than or equal to 1"),
        ("size: 3", "size: 3.5", "params.yaml: example.size is 3.5: Input should be a valid integer"),
        ("size: 3", "size: '3'", "params.yaml: example.size is '3': Input should be a valid integer"),
        ("size: 3", "size: true", "params.yaml: example.size is True: Input should be a valid integer"),
        ("size: 3", "sise: 3", "params.yaml: example.sise is 3: is no known key"),
        ("size: 3", "", "params.yaml: example.size is missing"),
        ("rate: 1e-3", "rate: 1e-3\n  more: 1", "params.yaml: example.more is 1: is no known key"),
        ("[a, b]", "[a, 7]", "params.yaml: example.names.1 is 7: Input should be a valid string"),
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
    with pytest.raises(ParamsError, match=r"params.yaml: example.size is 3: Input should be a valid string"):
        params.value("example.size", str)
    with pytest.raises(ParamsError, match=r"params.yaml: example.other is missing"):
        params.value("example.other", int)


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
