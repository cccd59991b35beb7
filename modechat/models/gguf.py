"""Reads the header of a GGUF file, and checks that the file is whole.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from modechat.gguf.ggml_types import FILE_TYPES
from modechat.gguf.hyperparameters import Hyperparameters
from modechat.gguf.walker import MAX_TENSORS, VERSIONS, HeaderError, HeaderWalker, Value
from modechat.models import failures

_BUFFER = 1 << 18
_TOKENS = "tokenizer.ggml.tokens"
_JOINING = ("bert", "t5")
"""Tokenisers that make one token of all white space, or of all unknown text."""


@dataclass(frozen=True, slots=True)
class GGUFHeader:
    """The header of a GGUF file.

    Its strings come from the file: sanitise them before showing them.
    """

    version: int
    architecture: str
    """`general.architecture` ("llama"); empty in the later parts of a split model."""
    name: str | None
    """`general.name`."""
    quantization: str | None
    """The quantization of most tensors ("Q4_K_M"), from `general.file_type`."""
    n_ctx_train: int | None
    """Tokens of context that the model was trained with."""
    has_chat_template: bool
    n_tensors: int
    size_bytes: int
    """Bytes of this file; a split model has more."""
    metadata: Mapping[str, Value] = field(repr=False)
    """Values by key: numbers, truth values, strings of up to 1,024 bytes, and arrays of up to 4,096
    numbers.
    """

    @property
    def hyperparameters(self) -> Hyperparameters:
        """The numbers that describe the model's layers."""
        return Hyperparameters(self.architecture, self.metadata)


def read_header(path: Path) -> GGUFHeader:
    """Return the header of the GGUF file at `path`; check that the file holds all its tensors'
    data.

    Reads only this file of a split model. Raises `ModelError` for a file that cannot be read, is
    not a GGUF of version 2 or 3, is damaged or is shorter than its header says.
    """
    with _opened(path) as file:
        return _read(path, file)


def longest_token(path: Path) -> int:
    """Return the length in bytes of the vocabulary's longest token, as the file writes it.

    The text that a token stands for is never longer. Returns 0 if a token may stand for text of any
    length. Raises `ModelError` as `read_header` does.
    """
    with _opened(path) as file:
        walker = HeaderWalker(file, file.seek(0, 2), measured=_TOKENS)
        walker.begin()
        tokeniser = walker.metadata().values.get("tokenizer.ggml.model")
        return 0 if tokeniser in _JOINING else walker.longest


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read its header; errors of the block become ModelErrors."""
    _must_be_a_file(path)
    try:
        with path.open("rb", buffering=_BUFFER) as file:
            yield file
    except HeaderError as error:
        raise failures.damaged(path, str(error)) from error
    except OSError as error:
        raise failures.unreadable(path, error) from error


def _must_be_a_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path.
        raise failures.unreadable(path, error) from error
    if stat.S_ISDIR(mode):
        raise failures.a_folder(path)
    if not stat.S_ISREG(mode):  # Opening a pipe would wait for its other end.
        raise failures.no_regular_file(path)


def _read(path: Path, file: BinaryIO) -> GGUFHeader:
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(512)
    if not head:
        raise failures.empty(path)
    if not head.startswith(b"GGUF"[: len(head)]):
        raise failures.not_gguf(path, head)
    file.seek(4)
    walker = HeaderWalker(file, size)
    version = walker.u32()
    if version not in VERSIONS:
        raise failures.wrong_version(path, version)
    n_tensors = walker.count(MAX_TENSORS, "tensors")
    found = walker.metadata()
    metadata = found.values
    alignment = _number(metadata, "general.alignment", 32)
    if alignment is None or alignment <= 0 or alignment & (alignment - 1):
        raise HeaderError("has an alignment that is not a power of two")
    needed = walker.tensors_end(n_tensors, alignment)
    if size < needed:
        raise failures.incomplete(path, size, needed)
    architecture = _text(metadata, "general.architecture") or ""
    file_type = _number(metadata, "general.file_type")
    return GGUFHeader(
        version=version,
        architecture=architecture,
        name=_text(metadata, "general.name"),
        quantization=None if file_type is None else FILE_TYPES.get(file_type),
        n_ctx_train=_number(metadata, f"{architecture}.context_length"),
        has_chat_template=found.has_chat_template,
        n_tensors=n_tensors,
        size_bytes=size,
        metadata=metadata,
    )


def _number(metadata: Mapping[str, Value], key: str, default: int | None = None) -> int | None:
    value = metadata.get(key, default)
    return value if type(value) is int else None


def _text(metadata: Mapping[str, Value], key: str) -> str | None:
    value = metadata.get(key)
    return value if isinstance(value, str) else None
