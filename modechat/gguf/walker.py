"""Walks through the header of a GGUF file, value by value.

Files come from strangers. Whatever a file says, the walk takes bounded memory and time: every count
and length is checked against the file's size and the limits below. The file is read, not mapped
into memory: if another process cuts a mapped file short, the process that reads it is killed
(SIGBUS).

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from struct import Struct
from typing import BinaryIO, NamedTuple, TypeAlias

from modechat.gguf.ggml_types import TENSOR_TYPES

Value: TypeAlias = str | int | float | bool | tuple[int | float | bool, ...]

_MAX_KEYS = 1 << 14
"""Keys in a file; real files have fewer than a hundred."""
MAX_TENSORS = 1 << 18
_MAX_STRINGS = 1 << 23
"""Strings in all arrays together; the largest vocabularies with their merges have a million."""
_MAX_NAME = 1 << 10
"""Bytes of a key or of a tensor's name."""
_MAX_TEXT = 1 << 10
"""Bytes of a string value that is kept."""
_MAX_ARRAY = 1 << 12
"""Numbers in an array that is kept: real ones have one for each layer."""
_MAX_NUMBERS = 1 << 16
"""Numbers in all arrays that are kept."""
_MAX_DIMS = 4
_MAX_HEADER = 1 << 28
"""Bytes; the largest known vocabularies make headers of 16 MB."""
_MAX_FILE = 1 << 50
"""Bytes."""
_CHUNK = 1 << 18

_MAGIC = b"GGUF"
VERSIONS = (2, 3)
_U32 = Struct("<I")
_U64 = Struct("<Q")
_STRING, _ARRAY = 8, 9
_SCALAR_CODES = dict(enumerate("BbHhIif?")) | dict(enumerate("Qqd", 10))  # gguf_type
_SCALARS = {kind: Struct(f"<{code}") for kind, code in _SCALAR_CODES.items()}
_TEMPLATE = "tokenizer.chat_template"


class HeaderError(Exception):
    """The header cannot be read; the message continues the words "its header"."""


@dataclass(slots=True)
class Metadata:
    """The keys of a header and their values."""

    values: dict[str, Value] = field(default_factory=dict)
    """Numbers, truth values, short strings, and short arrays of numbers."""
    array_lengths: dict[str, int] = field(default_factory=dict)
    has_chat_template: bool = False
    """True if the file has a chat template, which is mostly too long to be kept."""


class Tensor(NamedTuple):
    """The place of a tensor's data.

    A tensor of a type that this version does not know counts as empty.
    """

    name: str
    offset: int
    """Bytes from where the data of the first tensor begins."""
    n_bytes: int


class HeaderWalker:
    """Walks through a header; every method leaves the file right after what it has read."""

    def __init__(self, file: BinaryIO, size: int, measured: str = "") -> None:
        """`measured` is the key of an array of strings; `longest` gets the length of the
        longest.
        """
        self._file = file
        self._size = size
        self._measured = measured
        self._strings_left = _MAX_STRINGS
        self._numbers_left = _MAX_NUMBERS
        self.longest = 0
        """Bytes of the longest string in the measured array."""

    def begin(self) -> int:
        """Read the start of the file; return the number of tensors.

        Raises HeaderError for another kind of file.
        """
        self._file.seek(0)
        if self._take(4) != _MAGIC or self.u32() not in VERSIONS:
            raise HeaderError("is not one of a GGUF file")
        return self.count(MAX_TENSORS, "tensors")

    def u32(self) -> int:
        return int(_U32.unpack(self._take(4))[0])

    def count(self, limit: int, what: str) -> int:
        count = self._u64()
        if count > limit:
            raise HeaderError(f"speaks of {count:,} {what}")
        return count

    def metadata(self) -> Metadata:
        """Read all keys and their values."""
        found = Metadata()
        for _ in range(self.count(_MAX_KEYS, "keys")):
            key = self._name().decode("utf-8", "replace")
            kind = self.u32()
            if kind == _ARRAY:
                self._array(key, found)
            elif kind == _STRING:
                self._string(key, found)
            else:
                scalar = _scalar(kind)
                found.values[key] = scalar.unpack(self._take(scalar.size))[0]
        return found

    def tensors(self, count: int) -> Iterator[Tensor]:
        """Yield the descriptions of the tensors."""
        for _ in range(count):
            name = self._name().decode("utf-8", "replace")
            n_dims = self.u32()
            if n_dims > _MAX_DIMS:
                raise HeaderError(f"describes a tensor of {n_dims:,} dimensions")
            layout = f"<{n_dims}QIQ"
            *dims, kind, offset = struct.unpack(layout, self._take(struct.calcsize(layout)))
            block, block_bytes = TENSOR_TYPES.get(kind, (1, 0))
            if dims and dims[0] % block:
                raise HeaderError("describes a tensor with a broken row")
            yield Tensor(name, offset, prod(dims) // block * block_bytes)

    def tensors_end(self, count: int, alignment: int) -> int:
        """Return where the data of the last tensor ends, in bytes from the file's start.

        The padding behind it may be missing.
        """
        end = 0
        for tensor in self.tensors(count):
            if tensor.offset % alignment:
                raise HeaderError("describes a tensor at an odd place")
            end = max(end, tensor.offset + tensor.n_bytes)
        here = self._file.tell()
        if count:
            end += here + -here % alignment
        end = max(end, here)
        if end > _MAX_FILE:
            raise HeaderError("describes more data than a file can have")
        return end

    def _string(self, key: str, found: Metadata) -> None:
        length = self._u64()
        if key == _TEMPLATE and length > 0:
            found.has_chat_template = True
        if length <= _MAX_TEXT:
            found.values[key] = self._take(length).decode("utf-8", "replace")
        else:
            self._skip(length)

    def _array(self, key: str, found: Metadata) -> None:
        kind, length = self.u32(), self._u64()
        found.array_lengths[key] = length
        if kind == _STRING and key == self._measured:
            self._measure_strings(length)
        elif kind == _STRING:
            self._skip_strings(length)
        elif 0 < length <= min(_MAX_ARRAY, self._numbers_left):
            self._numbers_left -= length
            data = self._take(_scalar(kind).size * length)
            found.values[key] = struct.unpack(f"<{length}{_SCALAR_CODES[kind]}", data)
        else:
            self._skip(_scalar(kind).size * length)

    def _count_strings(self, count: int) -> None:
        if count > min(self._strings_left, self._size // 8):
            raise HeaderError(f"speaks of {count:,} strings")
        self._strings_left -= count

    def _measure_strings(self, count: int) -> None:
        self._count_strings(count)
        for _ in range(count):
            length = self._u64()
            self.longest = max(self.longest, length)
            self._skip(length)

    def _skip_strings(self, count: int) -> None:
        """Skip an array of strings.

        A vocabulary has a hundred thousand and more, so the inner loop only jumps.
        """
        self._count_strings(count)
        length_at = _U64.unpack_from
        while count:
            start = self._file.tell()
            chunk = self._file.read(_CHUNK)
            at = done = 0
            try:
                for done in range(count):  # noqa: B007
                    at += 8 + length_at(chunk, at)[0]
                done = count
            except (struct.error, OverflowError):  # The next length lies after this chunk.
                if not done:
                    raise HeaderError("ends inside its vocabulary") from None
            count -= done
            self._go_to(start + at)

    def _name(self) -> bytes:
        length = self._u64()
        if length > _MAX_NAME:
            raise HeaderError(f"contains a name of {length:,} bytes")
        return self._take(length)

    def _u64(self) -> int:
        return int(_U64.unpack(self._take(8))[0])

    def _take(self, length: int) -> bytes:
        """Read `length` bytes.

        Callers bound `length`: the buffer is allocated before it is filled.
        """
        data = self._file.read(length)
        if len(data) < length:
            raise HeaderError("ends too early")
        return data

    def _skip(self, length: int) -> None:
        self._go_to(self._file.tell() + length)

    def _go_to(self, position: int) -> None:
        if position > self._size:
            raise HeaderError("goes on past the end of the file")
        if position > _MAX_HEADER:
            raise HeaderError("is too long")
        self._file.seek(position)


def _scalar(kind: int) -> Struct:
    if kind not in _SCALARS:
        raise HeaderError(f"contains a value of an unknown type ({kind:,})")
    return _SCALARS[kind]
