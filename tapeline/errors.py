"""What can go wrong by the user's hand: what, where, the value and what is allowed, in one line."""

from collections.abc import Mapping
from reprlib import Repr
from typing import Any

LONGEST = 200  # characters of a value that an error repeats


def printable(text: str) -> str:
    r"""Write control characters of `text` as Python does, as \x1b: a terminal would obey them.

    Line breaks and tabs stay. Names of files, symbols and messages of tags are others' text.
    """
    return "".join(sign if sign.isprintable() or sign in "\n\t" else ascii(sign)[1:-1] for sign in text)


def brief(value: object, longest: int = LONGEST) -> str:
    """A value as an error shows it, in at most `longest` characters, whatever it is."""
    shape = Repr()
    shape.maxlevel = 3
    shape.maxdict = shape.maxlist = shape.maxtuple = 60
    shape.maxstring = shape.maxother = shape.maxlong = longest
    try:
        text = shape.repr(value)
    except Exception:  # whatever an object's own repr raises
        return f"a {type(value).__name__}"
    return text if len(text) <= longest else text[: longest - 3] + "..."


def broken_rule(detail: Mapping[str, Any]) -> str:
    """What pydantic says of one wrong value, in the words of our own rules."""
    if detail["type"] == "missing":
        return "is missing"
    rule = str(detail["msg"]).removeprefix("Value error, ")
    rule = "must" + rule.removeprefix("Input should") if rule.startswith("Input should") else rule
    return f"is empty: {rule}" if detail["input"] is None and rule.startswith("must") else rule


class TapelineError(Exception):
    """A mistake a person can mend; shown as one line, without traceback."""

    def __init__(self, what: str = "") -> None:
        super().__init__(printable(what))


class ParamsError(TapelineError, ValueError):
    """A key of params.yaml that is unknown, missing, of the wrong type or against a rule."""

    def __init__(self, key: str, value: object, rule: str) -> None:
        # None is no value of any param: a key without one is missing, and the rule says it all. A whole
        # section would bury it, and the rule says which of its keys.
        shown = "" if value is None else f" is {brief(value, LONGEST + 1)}:"
        shown = ":" if len(shown) > LONGEST or isinstance(value, dict) else shown
        super().__init__(f"params.yaml: {key}{shown} {rule}")
        self.key = key


class DataError(TapelineError, ValueError):
    """Candles that can't be read or can't be trusted."""

    def __init__(self, where: object, what: str) -> None:
        super().__init__(f"{where}: {what}")


class ArgumentError(TapelineError, ValueError):
    """What was handed to a function of `tapeline.api` and can't be used."""


class QualityError(TapelineError, ValueError):
    """Data that was read well and failed a critical expectation or the leak audit."""


class NothingComparedError(QualityError):
    """Data in which a leak audit found no row to compare."""


class SplitError(TapelineError, ValueError):
    """Folds that can't be cut from the data, or that leak."""


class ArtifactError(TapelineError, ValueError):
    """A model or bundle that is missing, altered or not what it says it is."""


class NotServedError(ArtifactError):
    """A bundle that is whole, and takes inputs that serving can't feed it yet."""


class ClusterError(TapelineError, RuntimeError):
    """A cluster that doesn't answer, isn't fit for the work or lost it."""


class ServiceError(TapelineError, ValueError):
    """A service that can't begin: its address, port or token."""


class ProofError(TapelineError, ValueError):
    """What was computed of a time before a moment differs with the candles after it."""


class RefereeError(TapelineError, ValueError):
    """A figure or a row of a run that the referee, who derives all of it anew, contradicts."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the referee disagrees: {what}")
