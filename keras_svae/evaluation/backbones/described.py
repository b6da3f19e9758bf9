"""What the pickle in a PyTorch file describes, without unpickling it.

The pickle is never loaded. The reader walks through its opcodes and knows only those
that a state dict is made of. What they name (functions, classes) stays a name: nothing
is imported, called or set, so a file cannot run anything. All else is refused.
"""

import dataclasses
import pickletools
from typing import Any, BinaryIO

import numpy as np

__all__ = ["Refused", "StorageOf", "TensorOf", "described"]

DTYPES: dict[str, np.dtype] = {
    "torch DoubleStorage": np.dtype("<f8"),
    "torch FloatStorage": np.dtype("<f4"),
    "torch HalfStorage": np.dtype("<f2"),
    "torch LongStorage": np.dtype("<i8"),
    "torch IntStorage": np.dtype("<i4"),
}
_MARK = object()
_EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = frozenset(
    "BININT BININT1 BININT2 LONG1 BINFLOAT BINUNICODE SHORT_BINUNICODE BINSTRING "
    "SHORT_BINSTRING".split()
)
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class Refused(Exception):
    """What the file has in place of tensors, in words."""


@dataclasses.dataclass(frozen=True)
class StorageOf:
    """The numbers that one or several tensors are in."""

    key: str
    dtype: np.dtype
    count: int


@dataclasses.dataclass(frozen=True)
class TensorOf:
    """Where a tensor's numbers are in its storage; offset and strides in elements."""

    storage: StorageOf
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class _Named:
    """A function or class that the file names."""

    name: str


def described(file: BinaryIO) -> Any:
    """What the next pickle of a file describes, up to its end.

    Returns:
        Dictionaries with names as keys, lists, tuples, constants and `TensorOf`.

    Raises:
        Refused: If the file has an opcode, or a call, that no state dict has.
        Exception: If the file is damaged; almost any kind of exception can come.
    """
    stack: list[Any] = []
    memo: dict[Any, Any] = {}

    def since_mark() -> list[Any]:
        at = len(stack) - 1
        while stack[at] is not _MARK:
            at -= 1
        found = stack[at + 1 :]
        del stack[at:]
        return found

    for opcode, argument, _ in pickletools.genops(file):
        name = opcode.name
        if name in ("PROTO", "FRAME"):
            pass
        elif name == "STOP":
            return stack.pop()
        elif name == "MARK":
            stack.append(_MARK)
        elif name in _VALUES:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name == "TUPLE":
            stack.append(tuple(since_mark()))
        elif name in _TUPLES:
            parts = stack[-_TUPLES[name] :]
            stack[-_TUPLES[name] :] = [tuple(parts)]
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name == "GLOBAL":
            stack.append(_Named(str(argument)))
        elif name == "STACK_GLOBAL":
            last = stack.pop()
            stack.append(_Named(f"{stack.pop():.80} {last:.80}"))
        elif name == "REDUCE":
            arguments = stack.pop()
            stack.append(_called(stack.pop(), arguments))
        elif name == "BINPERSID":
            stack.append(_storage(stack.pop()))
        elif name in ("APPEND", "APPENDS"):
            parts = since_mark() if name == "APPENDS" else [stack.pop()]
            stack[-1].extend(parts)
        elif name in ("SETITEM", "SETITEMS"):
            parts = since_mark() if name == "SETITEMS" else [stack.pop(-2), stack.pop()]
            _fill(stack[-1], zip(parts[::2], parts[1::2], strict=True))
        elif name == "BUILD":
            stack.pop()  # a state dict's `_metadata`, for which we have no use
        else:
            raise Refused(f"the opcode {name}")
    raise Refused("a file that ends too early")


def _fill(dictionary: Any, pairs: Any) -> dict[str, Any]:
    for key, value in pairs:
        if not isinstance(key, str):
            raise Refused("a dictionary whose keys are no names")
        dictionary[key] = value
    return dictionary


def _called(function: Any, arguments: Any) -> Any:
    """What a call that the file asks for stands for. Nothing is called."""
    name = function.name if isinstance(function, _Named) else "what is no function"
    if name == "collections OrderedDict" and len(arguments) < 2:
        return _fill({}, *(arguments or [()]))
    if name == "torch._utils _rebuild_parameter" and len(arguments) == 3:
        return arguments[0]
    if name in ("torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor"):
        storage, offset, shape, strides = arguments[:4]
        whole = all(
            type(one) is int and 0 <= one < 2**40 for one in (offset, *shape, *strides)
        )
        fits = len(shape) == len(strides) <= 8 and isinstance(storage, StorageOf)
        if whole and fits:
            return TensorOf(storage, offset, tuple(shape), tuple(strides))
    raise Refused(f"a call of {name[:80]}")


def _storage(reference: Any) -> StorageOf:
    """What a tensor's reference to its numbers says."""
    kind, dtype, key, _, count, *view = reference
    name = dtype.name if isinstance(dtype, _Named) else "another kind"
    if kind != "storage" or name not in DTYPES or view not in ([], [None]):
        raise Refused(f"numbers of {name[:80]}")
    if not isinstance(key, str) or type(count) is not int or count < 0:
        raise Refused("a storage without a name and a count")
    return StorageOf(key, DTYPES[name], count)
