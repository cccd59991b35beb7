"""Holds a loaded model: llama.cpp's handles, and the facts about it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from modechat.domain.kv_types import KVType
from modechat.domain.placement import Placement
from modechat.domain.sampling import DEFAULTS, MODEL_KEYS, Sampling
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.tokens import Vocabulary

_CONTEXT_LENGTH = ".context_length"


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model and its context. `abort` is kept here because native code calls it."""

    path: str
    model: llama.llama_model_p
    context: llama.llama_context_p | None
    """None: only the vocabulary was loaded."""
    vocabulary: Vocabulary
    metadata: dict[str, str]
    n_ctx: int
    n_batch: int
    placement: Placement
    """The placement of its layers, by llama.cpp's own report."""
    kv_type: KVType
    flash_attention: bool
    """True if flash attention is in use."""
    notes: tuple[str, ...]
    """Notes for the user on the load."""
    abort: object

    @property
    def chat_template(self) -> str | None:
        template: bytes | None = llama.llama_model_chat_template(self.model, None)
        return template.decode(errors="replace") if template else None

    @property
    def is_encoder_decoder(self) -> bool:
        return bool(llama.llama_model_has_encoder(self.model))

    @property
    def decoder_start(self) -> int:
        """The token that the decoder of an encoder-decoder model begins with."""
        start = int(llama.llama_model_decoder_start_token(self.model))
        if start < 0:
            start = int(llama.llama_vocab_bos(self.vocabulary.handle))
        return start

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the model in the file's metadata; often wrong."""
        keys = ("general.name", "general.basename", "general.finetune")
        return tuple(self.metadata[key] for key in keys if self.metadata.get(key))

    @property
    def architecture(self) -> str:
        return self.metadata.get("general.architecture", "")

    @property
    def description(self) -> str:
        return _read_string(partial(llama.llama_model_desc, self.model))

    @property
    def size_bytes(self) -> int:
        return int(llama.llama_model_size(self.model))

    @property
    def n_ctx_train(self) -> int:
        return _n_ctx_train_of(self.metadata)

    def sampling_defaults(self) -> Sampling:
        """Return the sampling that the file recommends, completed by modechat's defaults."""
        found: dict[str, float] = {}
        try:
            for setting, key in MODEL_KEYS.items():
                if key in self.metadata:
                    value = self.metadata[key]
                    found[setting] = int(value) if setting == "top_k" else float(value)
            return Sampling.model_validate(found).over(DEFAULTS)
        except ValueError:  # a file with senseless values must not make the model unusable
            return DEFAULTS

    def close(self) -> None:
        """Free the model and its context."""
        if self.context is not None:
            llama.llama_free(self.context)
        llama.llama_model_free(self.model)


def _n_ctx_train_of(metadata: dict[str, str]) -> int:
    """Return the context length that the model was trained with, by its file; 0: it does not say.

    llama.cpp does not read it when it loads the vocabulary alone.
    """
    length = metadata.get(f"{metadata.get('general.architecture', '')}{_CONTEXT_LENGTH}", "0")
    return int(length) if length.isdigit() else 0


def read_metadata(model: llama.llama_model_p) -> dict[str, str]:
    """Return the values under `general.` and the context length, as llama.cpp prints them."""
    pairs = {}
    for index in range(llama.llama_model_meta_count(model)):
        key = _read_string(partial(llama.llama_model_meta_key_by_index, model, index))
        if key.startswith("general.") or key.endswith(_CONTEXT_LENGTH):
            pairs[key] = _read_string(
                partial(llama.llama_model_meta_val_str_by_index, model, index)
            )
    return pairs


def _read_string(read: Callable[[ctypes.Array[ctypes.c_char], int], int]) -> str:
    """Return the string that a function of the form `(buffer, size) -> length` writes."""
    buffer = ctypes.create_string_buffer(256)
    length = read(buffer, len(buffer))
    if length >= len(buffer):
        buffer = ctypes.create_string_buffer(length + 1)
        read(buffer, len(buffer))
    return buffer.value.decode(errors="replace")
