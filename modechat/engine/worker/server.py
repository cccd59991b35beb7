"""The worker's loop: one request after the other, each answered with events."""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path, PurePath

from modechat.engine.protocol import (
    Failed,
    FormatChanged,
    Generate,
    Inspect,
    Inspected,
    Load,
    Loaded,
    LoadProgress,
    MeasureRaw,
    ModelInfo,
    SaveLanes,
    Shutdown,
    UseFormat,
)
from modechat.engine.sandbox.client import TemplateSandbox
from modechat.engine.saved_states import SavedStates
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.encoder import EncoderDecoder
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.generate import Generation
from modechat.engine.worker.lanes import Evaluator, Lanes
from modechat.engine.worker.loading import load
from modechat.engine.worker.memory import Memory
from modechat.engine.worker.model import LoadedModel
from modechat.engine.worker.native_log import NativeLog
from modechat.engine.worker.pipe import Pipe
from modechat.engine.worker.prompts import Prompts
from modechat.engine.worker.raw_loop import measure_raw_loop
from modechat.engine.worker.saved_lanes import SavedLanes, fingerprint
from modechat.engine.worker.speculation import CostCurve, GuessPolicy
from modechat.prompting.resolve import ModelFacts

_PROGRESS_STEP = 0.02
_SLOPE_CPU = 0.7
_SLOPE_GPU = 0.1


class Server:
    """Owns the loaded model. An unexpected error ends the process: the client reports it and starts another."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._log = NativeLog()
        self._loaded: LoadedModel | None = None
        self._evaluator: Evaluator | None = None
        self._prompts: Prompts | None = None
        self._policy: GuessPolicy | None = None
        self._sandbox = TemplateSandbox()
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
                elif isinstance(request, UseFormat):
                    self._use_format(request)
                elif isinstance(request, Inspect):
                    self._inspect(request)
                elif isinstance(request, SaveLanes):
                    self._save_lanes()
                elif isinstance(request, MeasureRaw):
                    self._measure_raw(request)
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
        self._save_lanes()
        self._unload()

    def _load(self, request: Load) -> None:
        self._save_lanes()
        self._unload()
        self._sandbox.start()  # it starts up while the model is loaded
        started = time.perf_counter()
        sent = 0.0

        def progress(fraction: float) -> bool:
            nonlocal sent
            if fraction - sent >= _PROGRESS_STEP:
                sent = fraction
                self._pipe.emit(LoadProgress(fraction=fraction))
            return not self._pipe.is_shutting_down

        loaded = load(request, self._log, progress, self._is_aborted)
        self._loaded = loaded
        if loaded.context is not None:
            self._evaluator = EncoderDecoder(loaded) if loaded.is_encoder_decoder else _lanes(loaded, request)
            self._policy = GuessPolicy(CostCurve(_slope(loaded))) if request.speculate else None
        facts = ModelFacts(
            names=(PurePath(request.model_path).stem, *loaded.names),
            chat_template=loaded.chat_template,
            tokens=loaded.vocabulary.bos_and_eos,
            special_texts=frozenset(token.text for token in loaded.vocabulary.special_tokens),
            is_encoder_decoder=loaded.is_encoder_decoder,
        )
        self._prompts = Prompts(
            loaded.vocabulary, facts, request.formats, self._sandbox, request.format, request.overridden
        )
        info = _describe(request.model_path, loaded, self._prompts)
        self._pipe.emit(Loaded(model=info, seconds_load=time.perf_counter() - started))

    def _generate(self, request: Generate) -> None:
        if self._loaded is None or self._prompts is None or self._evaluator is None:
            raise _nothing_loaded()
        self._running = request.id
        try:
            Generation(
                request,
                self._loaded,
                self._evaluator,
                self._prompts,
                self._policy if request.speculate else None,
                self._pipe.emit,
                self._is_aborted,
            ).run()
        finally:
            self._running = None

    def _use_format(self, request: UseFormat) -> None:
        if self._loaded is None or self._prompts is None:
            raise _nothing_loaded()
        self._prompts.use(request.format)
        self._pipe.emit(FormatChanged(model=_describe(self._loaded.path, self._loaded, self._prompts)))

    def _inspect(self, request: Inspect) -> None:
        try:
            if self._prompts is None:
                raise _nothing_loaded()
            with self._prompts.using(request.format):
                made = self._prompts.make(request.prompt, request.now, request.thinking)
                self._pipe.emit(Inspected(id=request.id, prompt=self._prompts.view(made)))
        except WorkerFailure as failure:
            self._pipe.emit(Inspected(id=request.id, error=failure.title))

    def _measure_raw(self, request: MeasureRaw) -> None:
        if self._loaded is None or self._prompts is None:
            raise _nothing_loaded()
        if not isinstance(self._evaluator, Lanes):
            raise WorkerFailure("engine", "This kind of model cannot be measured", "Take one that chats.")
        tokens = self._prompts.make(request.prompt).tokens
        self._evaluator.forget()
        self._pipe.emit(measure_raw_loop(self._loaded, tokens, request.n_generate))

    def _save_lanes(self) -> None:
        if self._evaluator is not None:
            self._evaluator.save()

    def _is_aborted(self) -> bool:
        is_stopped = self._running is not None and self._pipe.is_stopped(self._running)
        return is_stopped or self._pipe.is_shutting_down

    def _unload(self) -> None:
        self._sandbox.close()
        if self._evaluator is not None:
            self._evaluator.close()
        if self._loaded is not None:
            self._loaded.close()
        self._evaluator = self._loaded = self._prompts = None


def _lanes(loaded: LoadedModel, request: Load) -> Lanes:
    assert loaded.context is not None  # it is not for inspecting only
    memory = Memory(loaded.model, loaded.context, loaded.n_ctx, loaded.n_batch, abort=loaded.abort)
    if request.state_folder is None:
        return Lanes(memory)
    states = SavedStates(Path(request.state_folder), request.state_bytes)
    identity = "|".join(
        (version("llama-cpp-python"), fingerprint(request.model_path), request.kv_type, request.flash_attention)
    )
    return Lanes(memory, SavedLanes(states, memory, identity))


def _slope(loaded: LoadedModel) -> float:
    """What a further token in a batch is thought to cost, in single tokens, before it was measured."""
    return _SLOPE_CPU if loaded.device.startswith("CPU") else _SLOPE_GPU


def _describe(path: str, loaded: LoadedModel, prompts: Prompts) -> ModelInfo:
    resolved = prompts.resolved
    return ModelInfo(
        name=PurePath(path).stem,
        path=path,
        architecture=loaded.architecture,
        description=loaded.description,
        size_bytes=loaded.size_bytes,
        n_ctx=loaded.n_ctx,
        n_ctx_train=loaded.n_ctx_train,
        device=loaded.device,
        format=resolved.format.name,
        format_source=resolved.format.source,
        system_rung=resolved.system_rung,
        sees_history=resolved.format.sees_history,
        thinking=prompts.thinking.switch,
        has_template="{" in (loaded.chat_template or ""),
        notes=(*resolved.notes, *_context_notes(loaded)),
    )


def _context_notes(loaded: LoadedModel) -> tuple[str, ...]:
    if loaded.context is None or loaded.n_ctx <= loaded.n_ctx_train:
        return ()
    note = (
        f"The context of {loaded.n_ctx:,} tokens is longer than the model was trained for ({loaded.n_ctx_train:,}): "
        "beyond that its replies get worse."
    )
    return (note,)


def _nothing_loaded() -> WorkerFailure:
    return WorkerFailure("engine", "No model is loaded", "Choose one with --model.")
