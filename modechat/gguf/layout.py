"""Reads the layout of a model's files: the part of the header that planning a load needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from modechat.gguf.hyperparameters import Hyperparameters
from modechat.gguf.parts import read_part_name
from modechat.gguf.walker import HeaderError, HeaderWalker, Metadata

_BUFFER = 1 << 18


@dataclass(frozen=True, slots=True)
class ModelLayout:
    """The header of a model's file, or of all of its files if it is split."""

    hyperparameters: Hyperparameters
    n_vocab: int
    """Tokens in the vocabulary; 0: the model has none."""
    tensor_bytes: Mapping[str, int]
    """Bytes of each tensor, by its name."""


def read_layout(path: Path) -> ModelLayout | None:
    """Read the header; return None if that fails: llama.cpp says why when it loads the file."""
    try:
        metadata, tensors = _read(path)
        n_parts = metadata.values.get("split.count", 0)
        for part in _later_parts(path, n_parts if isinstance(n_parts, int) else 0):
            tensors |= _read(part)[1]
    except (HeaderError, OSError):
        return None
    architecture = metadata.values.get("general.architecture", "")
    return ModelLayout(
        Hyperparameters(str(architecture), metadata.values),
        metadata.array_lengths.get("tokenizer.ggml.tokens", 0),
        tensors,
    )


def _later_parts(path: Path, n_parts: int) -> list[Path]:
    """Return the files of a split model after the first, which is `path`. Raises HeaderError."""
    if n_parts <= 1:
        return []
    part = read_part_name(path.name)
    if part is None or (part.number, part.n_parts) != (1, n_parts):
        raise HeaderError("speaks of parts that the file's name does not have")
    return [path.with_name(name) for name in part.all_names()[1:]]


def _read(path: Path) -> tuple[Metadata, dict[str, int]]:
    with path.open("rb", buffering=_BUFFER) as file:
        walker = HeaderWalker(file, file.seek(0, 2))
        n_tensors = walker.begin()
        metadata = walker.metadata()
        return metadata, {tensor.name: tensor.n_bytes for tensor in walker.tensors(n_tensors)}
