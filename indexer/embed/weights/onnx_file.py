"""What an ONNX file of the user's may hold: numbers and standard operators, and nothing from elsewhere.

The file is a protobuf message, of which only the parts that can name other files or foreign code are read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ....errors import ModelError

# Which numbered fields of a message are messages to look into (onnx.proto3).
_PARTS = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_GRAPH = 7
_NODE_KIND, _NODE_DOMAIN = 4, 7
_FUNCTION_NAME, _FUNCTION_DOMAIN = 1, 10
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_STANDARD = ("", "ai.onnx", "ai.onnx.ml")

_Operator = tuple[str, str]  # its domain and name


@dataclass(slots=True)
class _Seen:
    """What a file says of itself."""

    graphs: int = 0
    is_external: bool = False
    used: set[_Operator] = field(default_factory=set)
    defined: set[_Operator] = field(default_factory=set)


def check_onnx(data: bytes, name: str) -> None:
    """Check that a model is whole in itself.

    Raises:
        ModelError: it is no ONNX model, keeps numbers in other files, or uses operators of others.
    """
    try:
        seen = _look_into(data)
    except (ValueError, IndexError) as error:
        raise ModelError(f"{name} is not an ONNX model, or is damaged: {error}") from error
    if not seen.graphs:
        raise ModelError(f"{name} is not an ONNX model: it holds no graph")
    if seen.is_external:
        raise ModelError(
            f"{name} keeps its numbers in other files, which are not read; save it as one file "
            "(onnx.save_model(model, FILE) without external data)"
        )
    foreign = sorted(each for each in seen.used - seen.defined if each[0] not in _STANDARD)
    if foreign:
        domain, operator = foreign[0]
        raise ModelError(
            f"{name} needs the operator {operator} of {domain}, which is no standard one; export the model "
            "with standard operators only"
        )


def _look_into(data: bytes) -> _Seen:
    seen = _Seen()
    waiting = [("model", memoryview(data))]
    while waiting:
        kind, message = waiting.pop()
        texts = {}
        for number, value in _fields(message):
            part = _PARTS[kind].get(number)
            if isinstance(value, int):
                if part is not None:
                    raise ValueError("a part of it is a number")
                seen.is_external |= kind == "tensor" and number == _DATA_LOCATION and value != 0
            elif part is not None:
                waiting.append((part, value))
                seen.graphs += kind == "model" and number == _GRAPH
            elif kind == "tensor":
                seen.is_external |= number == _EXTERNAL_DATA
            elif kind in ("node", "function"):
                texts[number] = value
        _note(seen, kind, texts)
    return seen


def _note(seen: _Seen, kind: str, texts: dict[int, memoryview]) -> None:
    """Note which operator a node uses, or a function of the model defines."""

    def text(number: int) -> str:
        return bytes(texts.get(number, b"")).decode()

    if kind == "node":
        seen.used.add((text(_NODE_DOMAIN), text(_NODE_KIND)))
    if kind == "function":
        seen.defined.add((text(_FUNCTION_DOMAIN), text(_FUNCTION_NAME)))


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the fields of a protobuf message: their numbers, and a number or bytes.

    Raises:
        ValueError, IndexError: it is damaged, or no such message.
    """
    place = 0
    while place < len(message):
        tag, place = _number(message, place)
        if tag >> 32:  # other readers drop what is above, and would see another field
            raise ValueError("a field of too large a number")
        kind = tag & 7
        if kind == 0:
            value, place = _number(message, place)
            yield tag >> 3, value
            continue
        if kind == 2:
            size, place = _number(message, place)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field of the unknown kind {kind}")
        if place + size > len(message):
            raise ValueError("it ends too soon")
        yield tag >> 3, message[place : place + size]
        place += size


def _number(message: memoryview, place: int) -> tuple[int, int]:
    """Return the number of variable length at a place, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("a number without an end")
