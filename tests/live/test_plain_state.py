"""States as plain values and arrays: put back they are the same, and nothing else is ever made."""

import json
from collections import Counter, deque

import numpy as np
import pytest

from tapeline.live.moments import Moment
from tapeline.live.plain_state import Put, Taken, bytes_of


def test_what_is_taken_is_put_back():
    """Numbers to the bit, and every kind of collection."""
    moment = Moment()
    moment.waiting, moment.labels = {"A": 0.1 + 0.2}, [1.0, float("nan")]
    value = {
        "one": moment, ("a", 3): [1, 2.5, None, "x", True], "count": Counter(a=2), "none": Counter(),
        "many": deque([(k, k / 7) for k in range(99)], maxlen=50), "empty": {},
        "rows": [{"t": k, "v": k / 3} for k in range(40)],
        "array": np.array([(1, 2.0)], [("a", "i8"), ("b", "f8")]), "numbers": list(range(40)),
        "uneven": [(k,) * (k % 3) for k in range(40)],
    }  # fmt: skip
    taken = Taken(value)
    found = Put(json.loads(json.dumps(taken.value)), taken.arrays).into({})
    assert bytes_of(found) == bytes_of(value)
    assert type(found["one"]) is Moment
    assert found["many"] == value["many"]
    assert found["many"].maxlen == 50
    assert type(found["none"]) is Counter
    assert found["rows"] == value["rows"]
    assert found["numbers"] == value["numbers"]


def test_what_can_not_be_taken_is_refused():
    """An object of a class that is no part of a state."""
    with pytest.raises(TypeError, match="object is no part of a state"):
        Taken([object()])
