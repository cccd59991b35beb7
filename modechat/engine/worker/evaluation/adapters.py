"""LoRA adapters of the loaded model: read when they are first wanted, applied as the mode of a request asks.

What was evaluated with other adapters is of no use: `apply` names those that are applied, and lanes keep that name.
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
from modechat.engine.protocol import Adapter
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.model import LoadedModel
from modechat.engine.worker.native_log import NativeLog


@dataclass(frozen=True, slots=True)
class _Read:
    """An adapter as it was read."""

    handle: Any
    """llama.cpp's pointer."""
    identity: str
    """The file as it was then."""


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
        """Apply these from now on, as their files are now.

        Raises WorkerFailure, with the old ones kept, if one cannot be read.
        """
        read = {adapter.path: self._current(adapter.path) for adapter in wanted}
        self._read |= read
        self._wanted = tuple(wanted)

    def apply(self, mode: Mode) -> str:
        """Apply what is wanted in this mode; a name for it, empty if that is nothing."""
        applied = [
            adapter for adapter in self._wanted if adapter.scale and adapter.mode in (None, mode)
        ]
        read = [self._read[adapter.path] for adapter in applied]
        handles = (llama.llama_adapter_lora_p_ctypes * len(applied))(*(one.handle for one in read))
        scales = (ctypes.c_float * len(applied))(*(adapter.scale for adapter in applied))
        if llama.llama_set_adapters_lora(self._loaded.context, handles, len(applied), scales):
            raise WorkerFailure(
                "model", "llama.cpp cannot apply the adapters", "Try without --lora."
            )
        return "".join(
            f"|{one.identity}:{adapter.scale}" for one, adapter in zip(read, applied, strict=True)
        )

    def _current(self, path: str) -> _Read:
        """The adapter in the file as it is now: one that was changed is read again."""
        identity = _identity(path)
        known = self._read.get(path)
        if known is not None and known.identity == identity:
            return known
        handle = llama.llama_adapter_lora_init(self._loaded.model, os.fsencode(path))
        if not handle:  # a null pointer is an object too
            raise self._unreadable(path)
        return _Read(handle, identity)

    def _unreadable(self, path: str) -> WorkerFailure:
        said = self._log.find("lora adapter: ") or self._log.find("failed to open") or ""
        reason = said.partition("adapter: ")[2] or said.rpartition(": ")[2] or "it gave no reason"
        return WorkerFailure(
            "model",
            f"{PurePath(path).name} is no LoRA adapter for this model",
            f"{ended(f'llama.cpp says: {reason}')} Adapters are GGUF files made for exactly one base model.",
        )


def _identity(path: str) -> str:
    """An adapter's file as it is now."""
    try:
        status = Path(path).stat()
    except OSError:  # it cannot be read either, which is told in better words
        return path
    return f"{path}:{status.st_size}:{status.st_mtime_ns}"
