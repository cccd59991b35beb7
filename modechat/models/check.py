"""Refuses a file that is no chat model before anything is loaded, and says why.

Architectures are named as in llama.cpp's src/llama-arch.cpp. An architecture that is not listed
here passes: llama.cpp says whether it can be loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modechat.domain.text import sanitize_line
from modechat.errors import AdapterError, ModelError
from modechat.gguf.parts import read_part_name
from modechat.models.failures import AGAIN, shown_name
from modechat.models.gguf import GGUFHeader, read_header

if TYPE_CHECKING:
    from pathlib import Path

_EMBEDDING = {
    "bert",
    "modern-bert",
    "nomic-bert",
    "nomic-bert-moe",
    "neo-bert",
    "jina-bert-v2",
    "jina-bert-v3",
    "eurobert",
    "gemma-embedding",
    "llama-embed",
    "t5encoder",
}
_DIFFUSION = {"dream", "llada", "llada-moe", "rnd1"}
_SPEECH = {"wavtokenizer-dec", "qwen3tts", "pockettts"}
_DRAFT = {"eagle3", "dflash", "gemma4-assistant"}

_CHOOSE = "Choose a chat or instruct model."
_GIVE_ADAPTER = (
    "Give a GGUF file with a LoRA adapter for your model, made by llama.cpp's "
    "convert_lora_to_gguf.py."
)
_GIVE_BASE = "Give the base model that it belongs to."


def check_model_file(path: Path) -> GGUFHeader:
    """Return the header of a model that can chat, as far as its file says.

    Raises `ModelError` for a file that `read_header` refuses, and for one that is no chat model.
    The error says what the file is and what to do.
    """
    header = read_header(path)
    check_header(path, header)
    check_part_name(path, header)
    return header


def check_part_name(path: Path, header: GGUFHeader) -> None:
    """Raise `ModelError` for the first part of a split model that llama.cpp takes for none."""
    number, count = header.metadata.get("split.no", 0), header.metadata.get("split.count", 1)
    part = read_part_name(path.name)
    if not isinstance(count, int) or number != 0 or count <= 1:
        return
    if part is None or (part.number, part.n_parts) != (1, count):
        raise ModelError(
            f"{shown_name(path)} is part 1 of {count:,} of a model, but not named like one.",
            f"Name it NAME-00001-of-{count:05}.gguf, and the other parts accordingly.",
        )


def check_header(path: Path, header: GGUFHeader) -> None:
    """Raise `ModelError` if `header`, read from `path`, is not that of a model that can chat."""
    if problem := _part_of_a_model(header) or _other_kind(header):
        what, hint = problem
        raise ModelError(f"{shown_name(path)} {what}.", hint)


def check_adapter_file(path: Path) -> GGUFHeader:
    """Return the header of a LoRA adapter.

    Raises `AdapterError` for a file that `read_header` refuses, and for one that is no LoRA
    adapter.
    """
    try:
        header = read_header(path)
    except ModelError as error:
        raise AdapterError(error.title, error.hint) from error
    kind = header.metadata.get("adapter.type", "lora")
    if header.metadata.get("general.type") != "adapter":
        raise AdapterError(f"{shown_name(path)} is not a LoRA adapter.", _GIVE_ADAPTER)
    if kind != "lora":
        raise AdapterError(
            f"{shown_name(path)} is an adapter of another kind ({sanitize_line(str(kind))}).",
            _GIVE_ADAPTER,
        )
    return header


def _part_of_a_model(header: GGUFHeader) -> tuple[str, str] | None:
    """Return why a file is not a whole model, and what to do; None: it is whole."""
    kind = header.metadata.get("general.type")
    split, splits = header.metadata.get("split.no", 0), header.metadata.get("split.count", 0)
    if kind == "adapter":
        return "is an adapter (LoRA), not a whole model", _GIVE_BASE
    if kind == "mmproj" or header.architecture == "clip":
        return "is a projector (mmproj), the part of a model that sees images", _GIVE_BASE
    if kind == "imatrix":
        return "is an importance matrix for making quantized models, not a model", _CHOOSE
    if isinstance(split, int) and isinstance(splits, int) and 0 < split < splits:
        return (
            f"is part {split + 1:,} of {splits:,} of a model",
            "Give the first part; the others are found beside it.",
        )
    if header.architecture in _DRAFT:
        return "is a draft model, which only makes another model faster", _GIVE_BASE
    if not header.architecture:
        return "does not say what architecture its model has", AGAIN
    if not header.n_tensors and splits in (0, 1):
        return "holds a vocabulary only, no model", _CHOOSE
    return None


def _other_kind(header: GGUFHeader) -> tuple[str, str] | None:
    """Return what other purpose a model has, and what to do; None: it can chat."""
    architecture = header.architecture
    shown = sanitize_line(architecture)
    # Converters write a kind of pooling (0 is none) if a model comes with a recipe for embeddings.
    pools = header.metadata.get(f"{architecture}.pooling_type", 0) != 0
    if architecture in _DIFFUSION:
        return f"is a diffusion model ({shown}), which does not work in this version", _CHOOSE
    if architecture in _SPEECH:
        return f"is a model for speech ({shown}): it cannot chat", _CHOOSE
    if architecture in _EMBEDDING or pools:
        return (
            f"is an embedding model ({shown}): it turns texts into numbers and cannot chat",
            _CHOOSE,
        )
    return None
