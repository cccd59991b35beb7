"""Walks through the header of a GGUF file, value by value.

Files come from strangers. Whatever a file says, the walk takes bounded memory and time: every count and length is held
against the file's size and the limits below. The file is read, not mapped into memory, because a mapped file that
another process cuts short kills the process that looks at it (SIGBUS).

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import struct
from math import prod
from struct import Struct
from typing import BinaryIO, TypeAlias

from modechat.models.ggml_types import TENSOR_TYPES

Scalar: TypeAlias = str | int | float | bool

MAX_KEYS = 1 << 14  # Keys in a file; real ones have less than a hundred.
MAX_TENSORS = 1 << 18
_MAX_STRINGS = (
    1 << 23
)  # In all arrays together; the largest vocabularies with their merges have a million.
_MAX_NAME = 1 << 10  # Bytes of a key or of a tensor's name.
_MAX_TEXT = 1 << 10  # Bytes of a string value that is kept.
_MAX_DIMS = 4
_MAX_HEADER = 1 << 28  # Bytes; the largest known vocabularies make headers of 16 MB.
_MAX_FILE = 1 << 50  # Bytes.
_CHUNK = 1 << 18

_U32 = Struct("<I")
_U64 = Struct("<Q")
_STRING, _ARRAY = 8, 9
_SCALARS = {
    kind: Struct(f"<{code}") for kind, code in [*enumerate("BbHhIif?"), *enumerate("Qqd", 10)]
}


class HeaderError(Exception):
    """The header cannot be walked; the message continues "its header"."""


class HeaderWalker:
    """Walks through a header; every method leaves the file behind what it has read."""

    def __init__(self, file: BinaryIO, size: int, measured: str = "") -> None:
        """`measured` is the key of an array of strings whose longest one is wanted."""
        self._file = file
        self._size = size
        self._measured = measured
        self._strings_left = _MAX_STRINGS
        self.longest = 0
        """Bytes of the longest string in the measured array."""

    def u32(self) -> int:
        return int(_U32.unpack(self._take(4))[0])

    def count(self, limit: int, what: str) -> int:
        count = self._u64()
        if count > limit:
            raise HeaderError(f"speaks of {count:,} {what}")
        return count

    def entries(self, count: int) -> tuple[dict[str, Scalar], bool]:
        """The metadata, and whether a chat template (most often too long to be kept) is in it."""
        metadata: dict[str, Scalar] = {}
        has_chat_template = False
        for _ in range(count):
            key = self._name().decode("utf-8", "replace")
            kind = self.u32()
            if kind == _ARRAY:
                self._skip_array(is_measured=key == self._measured)
            elif kind == _STRING:
                length = self._u64()
                has_chat_template |= key == "tokenizer.chat_template" and length > 0
                if length <= _MAX_TEXT:
                    metadata[key] = self._take(length).decode("utf-8", "replace")
                else:
                    self._skip(length)
            else:
                scalar = _scalar(kind)
                metadata[key] = scalar.unpack(self._take(scalar.size))[0]
        return metadata, has_chat_template

    def tensors_end(self, count: int, alignment: int) -> int:
        """Where the data of the last tensor ends, in bytes from the file's start.

        The padding behind it may be missing. Tensors of a type that this version does not know count as empty.
        """
        end = 0
        for _ in range(count):
            self._name()
            n_dims = self.u32()
            if n_dims > _MAX_DIMS:
                raise HeaderError(f"describes a tensor of {n_dims:,} dimensions")
            layout = f"<{n_dims}QIQ"
            *dims, kind, offset = struct.unpack(layout, self._take(struct.calcsize(layout)))
            if offset % alignment:
                raise HeaderError("describes a tensor at an odd place")
            block, block_bytes = TENSOR_TYPES.get(kind, (1, 0))
            if dims and dims[0] % block:
                raise HeaderError("describes a tensor with a broken row")
            end = max(end, offset + prod(dims) // block * block_bytes)
        here = self._file.tell()
        end = here + -here % alignment + end if count else here
        if end > _MAX_FILE:
            raise HeaderError("describes more data than a file can have")
        return end

    def _skip_array(self, *, is_measured: bool) -> None:
        kind, length = self.u32(), self._u64()
        if kind == _STRING and is_measured:
            self._measure_strings(length)
        elif kind == _STRING:
            self._skip_strings(length)
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
        """The vocabulary: a hundred thousand strings and more, so the inner loop does nothing but jump."""
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
            except (struct.error, OverflowError):  # The next length lies behind this chunk.
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
        """`length` bytes; callers bound it, since the buffer is allocated before it is filled."""
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
