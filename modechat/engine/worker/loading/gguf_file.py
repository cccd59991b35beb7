"""What a GGUF file says in its header, read by ggml's own reader, so that it is what llama.cpp will see."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from modechat.engine.worker.bindings import ggml_function, llama

Value: TypeAlias = int | float | bool | tuple[int | float | bool, ...]

_POINTER = ctypes.c_void_p
_STRING, _ARRAY = 8, 9
_NUMBERS: dict[int, Any] = {
    0: ctypes.c_uint8,
    1: ctypes.c_int8,
    2: ctypes.c_uint16,
    3: ctypes.c_int16,
    4: ctypes.c_uint32,
    5: ctypes.c_int32,
    6: ctypes.c_float,
    7: ctypes.c_bool,
    10: ctypes.c_uint64,
    11: ctypes.c_int64,
    12: ctypes.c_double,
}  # gguf_type
_LONGEST_ARRAY = 4096  # a number for each layer; vocabularies are longer


@dataclass(frozen=True, slots=True)
class GGUFContents:
    """The header of a model's file, or of all of its files if it is split."""

    architecture: str
    metadata: Mapping[str, Value]
    """Numbers and short arrays of them, by key."""
    n_vocab: int
    tensor_bytes: Mapping[str, int]
    """By tensor name."""

    def number(self, key: str, default: int = 0) -> int:
        """A count under the architecture's own keys."""
        value = self.metadata.get(f"{self.architecture}.{key}", default)
        return max(value, 0) if isinstance(value, int) else default

    def numbers(self, key: str, count: int, default: int) -> tuple[int, ...]:
        """A count for each of `count` layers: the file has one for all or one for each."""
        value = self.metadata.get(f"{self.architecture}.{key}", default)
        if not isinstance(value, tuple):
            return (self.number(key, default),) * count
        counts = tuple(
            max(number, 0) if isinstance(number, int) else default for number in value[:count]
        )
        return counts + (default,) * (count - len(counts))


class _InitParameters(ctypes.Structure):
    """gguf_init_params."""

    _fields_ = [("no_alloc", ctypes.c_bool), ("context", _POINTER)]


def read_gguf(path: str) -> GGUFContents | None:
    """The header; None if ggml cannot read it: llama.cpp says why when it loads the file."""
    with _opened(path) as gguf:
        if gguf is None:
            return None
        architecture = gguf.string("general.architecture")
        metadata = gguf.numbers()
        n_vocab = gguf.length("tokenizer.ggml.tokens")
        tensors = gguf.tensor_bytes()
    n_parts = metadata.get("split.count", 0)
    for part in range(1, n_parts if isinstance(n_parts, int) else 0):
        with _opened(_path_of_part(path, part, int(n_parts))) as gguf:  # type: ignore[arg-type]
            if gguf is None:
                return None
            tensors |= gguf.tensor_bytes()
    return GGUFContents(architecture, metadata, n_vocab, tensors)


class _Reader:
    def __init__(self, handle: int) -> None:
        self._handle = handle

    def numbers(self) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for index in range(self._call("gguf_get_n_kv", ctypes.c_int64)):
            value = self._value(index)
            if value is not None:
                found[self._text("gguf_get_key", index)] = value
        return found

    def string(self, key: str) -> str:
        index = self._index(key)
        is_string = index >= 0 and self._kind("gguf_get_kv_type", index) == _STRING
        return self._text("gguf_get_val_str", index) if is_string else ""

    def length(self, key: str) -> int:
        index = self._index(key)
        is_array = index >= 0 and self._kind("gguf_get_kv_type", index) == _ARRAY
        return int(self._call("gguf_get_arr_n", ctypes.c_size_t, index)) if is_array else 0

    def tensor_bytes(self) -> dict[str, int]:
        count = self._call("gguf_get_n_tensors", ctypes.c_int64)
        return {
            self._text("gguf_get_tensor_name", index): self._call(
                "gguf_get_tensor_size", ctypes.c_size_t, index
            )
            for index in range(count)
        }

    def _value(self, index: int) -> Value | None:
        kind = self._kind("gguf_get_kv_type", index)
        if kind in _NUMBERS:
            address = self._call("gguf_get_val_data", _POINTER, index)
            return _NUMBERS[kind].from_address(address).value  # type: ignore[no-any-return]
        if kind != _ARRAY:
            return None
        element = _NUMBERS.get(self._kind("gguf_get_arr_type", index))
        length = self._call("gguf_get_arr_n", ctypes.c_size_t, index)
        if element is None or not 0 < length <= _LONGEST_ARRAY:
            return None
        return tuple(
            (element * length).from_address(self._call("gguf_get_arr_data", _POINTER, index))
        )

    def _index(self, key: str) -> int:
        find = ggml_function("gguf_find_key", ctypes.c_int64, _POINTER, ctypes.c_char_p)
        return int(find(self._handle, key.encode()))

    def _kind(self, name: str, index: int) -> int:
        return int(self._call(name, ctypes.c_int, index))

    def _text(self, name: str, index: int) -> str:
        text: bytes = self._call(name, ctypes.c_char_p, index)
        return text.decode(errors="replace")

    def _call(self, name: str, result: Any, *index: int) -> Any:
        return ggml_function(name, result, _POINTER, *(ctypes.c_int64 for _ in index))(
            self._handle, *index
        )


@contextmanager
def _opened(path: str) -> Iterator[_Reader | None]:
    initialise = ggml_function("gguf_init_from_file", _POINTER, ctypes.c_char_p, _InitParameters)
    handle = initialise(os.fsencode(path), _InitParameters(True, None))
    try:
        yield None if handle is None else _Reader(handle)
    finally:
        if handle is not None:
            ggml_function("gguf_free", None, _POINTER)(handle)


def _path_of_part(path: str, part: int, n_parts: int) -> str:
    """The file of a part (from 0) of a split model, of which `path` is the first."""
    prefix, name = ctypes.create_string_buffer(4096), ctypes.create_string_buffer(4096)
    llama.llama_split_prefix(prefix, len(prefix), os.fsencode(path), 0, n_parts)
    llama.llama_split_path(name, len(name), prefix.value, part, n_parts)
    return os.fsdecode(name.value)
