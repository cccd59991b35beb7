"""Reads LoRA adapters when they are first wanted, and applies those for the mode of a request.

Tokens that were evaluated with other adapters are of no use. So `apply` returns a name for the
applied adapters, and lanes keep that name.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from modechat.domain.mode import Mode
from modechat.domain.text import ended
from modechat.engine.llama_log import adapter_reason
from modechat.engine.protocol import Adapter, Cause
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.model import LoadedModel
from modechat.engine.worker.native_log import NativeLog


@dataclass(frozen=True, slots=True)
class _Read:
    """An adapter that llama.cpp has read."""

    handle: Any
    """llama.cpp's pointer."""
    identity: str
    """A text that changes when the adapter's file does."""


class Adapters:
    """The adapters that the user wants. They are freed with the model."""

    def __init__(self, loaded: LoadedModel, log: NativeLog) -> None:
        self._loaded = loaded
        self._log = log
        self._read: dict[str, _Read] = {}
        self._wanted: tuple[Adapter, ...] = ()

    @property
    def wanted(self) -> tuple[Adapter, ...]:
        return self._wanted

    def use(self, wanted: Sequence[Adapter]) -> None:
        """Apply these adapters from now on, as their files are now.

        Raises WorkerFailure if one cannot be read; then the old ones stay in use.
        """
        read = {adapter.path: self._current(adapter.path) for adapter in wanted}
        self._read |= read
        self._wanted = tuple(wanted)

    def apply(self, mode: Mode) -> str:
        """Apply the adapters for this mode; return a name for them, empty if there is none."""
        handles, scales, name = [], [], ""
        for adapter in self._wanted:
            if adapter.scale and adapter.mode in (None, mode):
                read = self._read[adapter.path]
                handles.append(read.handle)
                scales.append(adapter.scale)
                name += f"|{read.identity}:{adapter.scale}"
        count = len(handles)
        native_handles = (llama.llama_adapter_lora_p_ctypes * count)(*handles)
        native_scales = (ctypes.c_float * count)(*scales)
        if llama.llama_set_adapters_lora(
            self._loaded.context, native_handles, count, native_scales
        ):
            raise WorkerFailure(
                "model",
                "llama.cpp cannot apply the adapters",
                "Try without --lora.",
                cause=Cause.ADAPTER,
            )
        return name

    def _current(self, path: str) -> _Read:
        """Return the adapter in the file as it is now: a file that was changed is read again."""
        identity = _identity(path)
        known = self._read.get(path)
        if known is not None and known.identity == identity:
            return known
        handle = llama.llama_adapter_lora_init(self._loaded.model, os.fsencode(path))
        if not handle:  # a null pointer is an object too
            raise self._unreadable(path)
        return _Read(handle, identity)

    def _unreadable(self, path: str) -> WorkerFailure:
        said = ended(f"llama.cpp says: {adapter_reason(self._log.lines)}")
        return WorkerFailure(
            "model",
            f"{PurePath(path).name} is no LoRA adapter for this model",
            f"{said} Adapters are GGUF files made for exactly one base model.",
            cause=Cause.ADAPTER,
        )


def _identity(path: str) -> str:
    """Return a text that changes when the file does."""
    try:
        status = Path(path).stat()
    except OSError:  # llama.cpp cannot read it either, and says why
        return path
    return f"{path}:{status.st_size}:{status.st_mtime_ns}"
