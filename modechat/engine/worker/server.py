"""Runs the worker's loop: one request after the other, each answered with events."""

from __future__ import annotations

import time

from modechat.engine.protocol import (
    AdaptersChanged,
    Failed,
    FormatChanged,
    Generate,
    Inspect,
    Inspected,
    Load,
    Loaded,
    LoadProgress,
    MeasureRaw,
    Request,
    SaveLanes,
    Shutdown,
    UseAdapters,
    UseFormat,
)
from modechat.engine.sandbox.client import TemplateSandbox
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.native_log import NativeLog
from modechat.engine.worker.pipe import Pipe
from modechat.engine.worker.runtime import ModelRuntime, load_runtime

_PROGRESS_STEP = 0.02


class Server:
    """Owns the loaded model.

    An unexpected error ends the process: the client reports it and starts another.
    """

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._log = NativeLog()
        self._loaded: ModelRuntime | None = None
        self._sandbox = TemplateSandbox()
        self._running: int | None = None
        llama.llama_backend_init()

    def run(self) -> None:
        """Answer requests until the shutdown."""
        while not isinstance(request := self._pipe.next_request(), Shutdown):
            self._sandbox.begin_turn()
            try:
                self._answer(request)
            except WorkerFailure as failure:
                self._report(failure, request)
        self._save_lanes()
        self._sandbox.close()  # the end of the process frees the model faster than `close` would

    def _report(self, failure: WorkerFailure, request: Request) -> None:
        self._pipe.emit(
            Failed(
                id=request.id if isinstance(request, Generate) else None,
                load=request.number if isinstance(request, Load) else None,
                kind=failure.kind,
                cause=failure.cause,
                title=failure.title,
                hint=failure.hint,
                log_tail=self._log.tail(),
            )
        )

    def _answer(self, request: Request) -> None:
        match request:
            case Load():
                self._load(request)
            case Generate():
                self._generate(request)
            case UseFormat():
                self._model.use_format(request.format)
                self._pipe.emit(FormatChanged(model=self._model.describe()))
            case UseAdapters():
                self._use_adapters(request)
            case Inspect():
                self._inspect(request)
            case SaveLanes():
                self._save_lanes()
            case MeasureRaw():
                self._pipe.emit(self._model.measure_raw(request))
            case _:
                pass  # the pipe handles a stop, the loop a shutdown

    @property
    def _model(self) -> ModelRuntime:
        """The loaded model. Raises WorkerFailure if there is none."""
        if self._loaded is None:
            raise WorkerFailure("engine", "No model is loaded", "Choose one with --model.")
        return self._loaded

    def _load(self, request: Load) -> None:
        self._save_lanes()
        self._unload()
        self._sandbox.start()  # it starts while the model is loaded
        started = time.perf_counter()
        sent = 0.0

        def progress(fraction: float) -> bool:
            nonlocal sent
            self._pipe.note_progress()
            # The fraction falls when loading is tried again with fewer layers.
            if fraction < sent or fraction - sent >= _PROGRESS_STEP:
                sent = fraction
                self._pipe.emit(LoadProgress(load=request.number, fraction=fraction))
            return not self._pipe.is_shutting_down

        self._loaded = load_runtime(request, self._log, self._sandbox, progress, self._is_aborted)
        self._pipe.emit(
            Loaded(
                load=request.number,
                model=self._loaded.describe(),
                seconds_load=time.perf_counter() - started,
            )
        )

    def _generate(self, request: Generate) -> None:
        self._running = request.id
        try:
            self._model.generate(request, self._pipe.emit, self._is_aborted)
        finally:
            self._running = None

    def _use_adapters(self, request: UseAdapters) -> None:
        error = hint = ""
        try:
            self._model.use_adapters(request.adapters)
        except WorkerFailure as failure:
            error, hint = failure.title, failure.hint
        applied = () if self._loaded is None else self._loaded.adapters
        self._pipe.emit(AdaptersChanged(adapters=applied, error=error, hint=hint))

    def _inspect(self, request: Inspect) -> None:
        try:
            self._pipe.emit(Inspected(id=request.id, prompt=self._model.inspect(request)))
        except WorkerFailure as failure:
            self._pipe.emit(
                Inspected(id=request.id, error=failure.title, is_too_long=failure.kind == "context")
            )

    def _save_lanes(self) -> None:
        if self._loaded is not None:
            self._loaded.save_lanes()

    def _is_aborted(self) -> bool:
        self._pipe.note_progress()
        is_stopped = self._running is not None and self._pipe.is_stopped(self._running)
        return is_stopped or self._pipe.is_shutting_down

    def _unload(self) -> None:
        self._sandbox.close()
        if self._loaded is not None:
            self._loaded.close()
        self._loaded = None
