"""The worker's loop: one request after the other, each answered with events."""

from __future__ import annotations

import time
from pathlib import PurePath

from modechat.engine.protocol import Failed, Generate, Load, Loaded, LoadProgress, ModelInfo, Shutdown
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.generate import Generation
from modechat.engine.worker.lanes import Lanes
from modechat.engine.worker.model import LoadedModel, load
from modechat.engine.worker.native_log import NativeLog
from modechat.engine.worker.pipe import Pipe
from modechat.prompting.prompt_format import PromptFormat
from modechat.prompting.resolve import resolve

_PROGRESS_STEP = 0.02


class Server:
    """Owns the loaded model. An unexpected error ends the process: the client reports it and starts another."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._log = NativeLog()
        self._loaded: tuple[LoadedModel, Lanes, PromptFormat] | None = None
        self._running: int | None = None
        llama.llama_backend_init()

    def run(self) -> None:
        while not isinstance(request := self._pipe.next_request(), Shutdown):
            request_id = request.id if isinstance(request, Generate) else None
            try:
                if isinstance(request, Load):
                    self._load(request)
                elif isinstance(request, Generate):
                    self._generate(request)
            except WorkerFailure as failure:
                self._pipe.emit(
                    Failed(
                        id=request_id,
                        kind=failure.kind,
                        title=failure.title,
                        hint=failure.hint,
                        log_tail=self._log.tail(),
                    )
                )
        self._unload()

    def _load(self, request: Load) -> None:
        self._unload()
        started = time.perf_counter()
        sent = 0.0

        def progress(fraction: float) -> bool:
            nonlocal sent
            if fraction - sent >= _PROGRESS_STEP:
                sent = fraction
                self._pipe.emit(LoadProgress(fraction=fraction))
            return not self._pipe.is_shutting_down

        loaded = load(request, self._log, progress, self._is_aborted)
        prompt_format, format_note = resolve(
            loaded.chat_template, loaded.vocabulary.special_tokens(), request.fallback_format
        )
        self._loaded = loaded, Lanes(loaded), prompt_format
        self._pipe.emit(
            Loaded(
                model=ModelInfo(
                    name=PurePath(request.model_path).stem,
                    path=request.model_path,
                    architecture=loaded.architecture,
                    description=loaded.description,
                    size_bytes=loaded.size_bytes,
                    n_ctx=loaded.n_ctx,
                    n_ctx_train=loaded.n_ctx_train,
                    device=loaded.device,
                    format=prompt_format.name,
                    format_source=prompt_format.source,
                    notes=tuple(note for note in (format_note, _context_note(loaded)) if note),
                ),
                seconds_load=time.perf_counter() - started,
            )
        )

    def _generate(self, request: Generate) -> None:
        if self._loaded is None:
            raise WorkerFailure("engine", "No model is loaded", "Choose one with --model.")
        loaded, lanes, prompt_format = self._loaded
        self._running = request.id
        try:
            Generation(request, loaded, lanes, prompt_format, self._pipe.emit, self._is_aborted).run()
        finally:
            self._running = None

    def _is_aborted(self) -> bool:
        is_stopped = self._running is not None and self._pipe.is_stopped(self._running)
        return is_stopped or self._pipe.is_shutting_down

    def _unload(self) -> None:
        if self._loaded is not None:
            loaded, lanes, _ = self._loaded
            lanes.close()
            loaded.close()
            self._loaded = None


def _context_note(loaded: LoadedModel) -> str:
    if loaded.n_ctx <= loaded.n_ctx_train:
        return ""
    return (
        f"The context of {loaded.n_ctx:,} tokens is longer than the model was trained for ({loaded.n_ctx_train:,}): "
        "beyond that its replies get worse."
    )
