"""Errors repeat what others wrote: in one line, in short, and as text that no terminal obeys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.errors import LONGEST, DataError, ParamsError, TapelineError, brief, printable


@given(st.text())
def test_no_control_character_is_left(text):
    """But for line breaks and tabs; written out they stay as they are, and other text as it was."""
    shown = printable(text)
    assert all(sign.isprintable() or sign in "\n\t" for sign in shown)
    assert printable(shown) == shown
    assert text != shown or printable(text) == text
    shown.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\x07\x9b\u202eb", r"a\x07\x9b\u202eb"),
        ("\udcff", r"\udcff"),
        ("BTC öé–", "BTC öé–"),
    ],
)
def test_a_control_character_is_written_out(text, shown):
    """Colours, bells, C1, turned directions and bytes that are no UTF-8."""
    assert printable(text) == shown
    assert str(TapelineError(text)) == str(DataError(text, "x")).removesuffix(": x") == shown
    assert shown.replace("\\", "") in str(ParamsError(text, None, "x")).replace("\\", "")


@given(
    st.recursive(
        st.none() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_a_value_is_shown_in_short(value):
    """Whatever it is."""
    assert len(brief(value)) <= LONGEST
    assert len(brief(value, 20)) <= 20


def test_a_value_that_python_will_not_write_is_named_by_its_type():
    """An integer of more digits than it writes, and an object whose own text fails."""

    class Broken:
        def __repr__(self):
            raise RuntimeError

    assert brief(16**6000) == "a int"
    assert "Broken" in brief(Broken())
