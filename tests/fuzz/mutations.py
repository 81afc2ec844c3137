"""Changes that a hostile or broken sender makes: of bytes, fields, numbers, times and names."""

import json
import random
from copy import deepcopy

ODD_NUMBERS = (
    "nan", "inf", "-inf", "1e400", "1e-400", "-0", "0", "0x10", "1_000", "1,5", "1.5.5", "--1", "", " ",
    "null", "true", "9" * 40, "9" * 5000, "1" + "0" * 30, "\u0661\u0662", "1e3", "-1",
    "99999999999999999999.5", "0.0000001",
)  # fmt: skip
ODD_TIMES = (
    "0", "-1", "1e18", "0001-01-01T00:00:00Z", "9999-12-31T23:59:00Z", "2042-01-01T00:00:00Z",
    "2025-02-30", "2025-03-28 20:05", "2025-03-28T20:05:00+14:00", "28/03/2025", "1743192300",
    "1743192300000", "1743192300000000", "253402300800", "now", "", "2025-03-28T20:05:60Z", "45744.5",
    "18446744073709551616",
)  # fmt: skip
ODD_NAMES = (
    "", "timestamp", "open", "Open", "close_time", "symbol", "\u202eopen", "\x1b[31m", "x" * 5000, "volume ",
    "a.b", "=1+1", "__class__", "vol", "amount", "date", "OPEN\n", "unix",
)  # fmt: skip
ODD_VALUES = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 10**30, 1e60, -1e60, 1e-60, 0.5, float("nan"),
    float("inf"), "", "auto", "x", "\x00", "\u202e", "../..", "a" * 3000, [], {}, [[]], {"a": 1}, [1] *
    200, "2024-02-30", "none",
)  # fmt: skip


def spoil_bytes(content: bytes, draw: random.Random) -> bytes:
    """One to four flips, insertions, deletions, repeats or cuts."""
    spoilt = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(spoilt) + 1)
        kind, size = draw.randrange(6), draw.choice((1, 1, 2, 4, 16, 200))
        if kind == 0 and at < len(spoilt):
            spoilt[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            spoilt[at:at] = draw.randbytes(size)
        elif kind == 2:
            del spoilt[at : at + size]
        elif kind == 3:
            spoilt[at : at + size] = draw.choice((b"\xff", b"\0", b"\x7f")) * size
        elif kind == 4:
            spoilt[at:at] = spoilt[at : at + size]
        elif draw.random() < 0.2:
            del spoilt[at:]
    return bytes(spoilt)


def spoil_field(rows: list[list[str]], draw: random.Random) -> tuple[int, int, str, str]:
    """Change one cell of `rows` in place; return row, column, what it was and what it is. Row 0 has names."""
    row, column = draw.randrange(len(rows)), draw.randrange(len(rows[0]))
    before = rows[row][column]
    if row == 0:
        after = draw.choice(ODD_NAMES)
    elif draw.random() < 0.4:
        after = nudge(before, draw)
    else:
        after = draw.choice(ODD_TIMES if column == 0 else ODD_NUMBERS)
    rows[row][column] = after
    return row, column, before, after


def nudge(number: str, draw: random.Random) -> str:
    """The same number with a digit changed, dropped or doubled, a point moved, or a sign."""
    digits = [at for at, sign in enumerate(number) if sign.isdigit()]
    if not digits:
        return "7"
    at = draw.choice(digits)
    changed = str((int(number[at]) + draw.randint(1, 9)) % 10)
    return draw.choice((
        number[:at] + changed + number[at + 1 :], number[:at] + number[at + 1 :],
        number[:at] + number[at] + number[at:],
        "-" + number, number + "e2", number.replace(".", ""),
    ))  # fmt: skip


def spoil_value(node: object, draw: random.Random) -> None:
    """Change one value of nested dicts and lists in place, its key, or take it away."""
    while True:
        if not isinstance(node, dict | list) or not node:
            return
        items = list(node.items()) if isinstance(node, dict) else list(enumerate(node))
        key, value = draw.choice(items)
        if isinstance(value, dict | list) and value and draw.random() < 0.85:
            node = value
            continue
        kind = draw.randrange(8)
        if kind == 0:
            del node[key]
        elif kind == 1 and isinstance(node, dict):
            node[draw.choice(ODD_NAMES)] = node.pop(key)
        elif kind == 2 and isinstance(value, int | float) and not isinstance(value, bool):
            node[key] = value * draw.choice((-1, 0, 2, 10, 1000, 1e9, 1e-9, 10**12))
        else:
            node[key] = deepcopy(draw.choice(ODD_VALUES))
        return


def spoil_json(text: str, draw: random.Random) -> bytes:
    """A JSON text with a value changed, or nested, or with its bytes spoilt."""
    kind = draw.randrange(10)
    if kind < 3:
        return spoil_bytes(text.encode(), draw)
    if kind == 3:
        return draw.choice(
            (b"[" * 60_000, b'{"a":' * 2000, b'"' + b"x" * 70_000, b"\xff\xfe" + text.encode("utf-16"))
        )
    value = json.loads(text)
    for _ in range(draw.randint(1, 2)):
        spoil_value(value, draw)
    return json.dumps(value).encode()
