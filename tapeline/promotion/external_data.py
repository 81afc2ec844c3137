"""Whether an ONNX graph keeps weights in other files, read from its bytes before anything loads it.

Only the few fields of `onnx.proto` are walked that lead to tensors; what serves has no library for the rest.
"""

from collections.abc import Iterator

VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5  # wire types of protobuf
WIDTHS = {FIXED_64: 8, FIXED_32: 4}
MAX_DEPTH = 100  # of messages in messages, as protobuf itself has it
# By kind of message, the numbers of the fields that hold others.
INNER = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
NAME, EXTERNAL_DATA, DATA_LOCATION = 8, 13, 14  # fields of a tensor
KEY, VALUE = 1, 2  # of an entry of external data


def external_data(graph: bytes) -> list[str]:
    """Each tensor whose values lie in another file, and that file; ValueError for what is no graph."""
    return list(_walk(memoryview(graph), "model", 0))


def _walk(message: memoryview, kind: str, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        raise ValueError("its messages are too deep")
    if kind == "tensor":
        yield from _external(message)
        return
    for field, value in _fields(message):
        inner = INNER[kind].get(field)
        if inner and isinstance(value, memoryview):
            yield from _walk(value, inner, depth + 1)


def _external(tensor: memoryview) -> Iterator[str]:
    name, entries, is_external = "", {}, False
    for field, value in _fields(tensor):
        if field == DATA_LOCATION and value == 1:
            is_external = True
        elif field == NAME and isinstance(value, memoryview):
            name = _text(value)
        elif field == EXTERNAL_DATA and isinstance(value, memoryview):
            entry = {key: _text(part) for key, part in _fields(value) if isinstance(part, memoryview)}
            entries[entry.get(KEY)] = entry.get(VALUE, "")
    if is_external or entries:
        yield f"{name or 'a tensor'} in {entries.get('location') or 'another file'}"


def _text(value: memoryview) -> str:
    return bytes(value).decode(errors="replace")


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Number and value of each field: a number, or the bytes of a text, message or array."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        wire = tag & 7
        if wire == VARINT:
            number, at = _varint(message, at)
            yield tag >> 3, number
            continue
        if wire == BYTES:
            size, at = _varint(message, at)
        elif wire in WIDTHS:
            size = WIDTHS[wire]
        else:
            raise ValueError("is no protobuf")
        if at + size > len(message):
            raise ValueError("is cut short")
        yield tag >> 3, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """The number that begins at `at`, seven bits a byte, and where it ends."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("is cut short")
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise ValueError("is no protobuf")
