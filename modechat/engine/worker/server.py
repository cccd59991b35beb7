"""The worker's loop: one request after the other, each answered with events."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path, PurePath

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
    ModelInfo,
    SaveLanes,
    Shutdown,
    UseAdapters,
    UseFormat,
)
from modechat.engine.sandbox.client import TemplateSandbox
from modechat.engine.saved_states import SavedStates
from modechat.engine.worker.adapters import Adapters
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.draft_model import DraftModel, ModelGuesser
from modechat.engine.worker.encoder import EncoderDecoder
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.generate import Generation
from modechat.engine.worker.lanes import Evaluator, Lanes
from modechat.engine.worker.loading import load
from modechat.engine.worker.memory import Memory
from modechat.engine.worker.model import LoadedModel
from modechat.engine.worker.native_log import NativeLog
from modechat.engine.worker.overflow import fit
from modechat.engine.worker.pipe import Pipe
from modechat.engine.worker.prompts import Prompts, TokenizedPrompt
from modechat.engine.worker.saved_lanes import SavedLanes, fingerprint
from modechat.engine.worker.speculation import CostCurve, Guesser, GuessPolicy
from modechat.engine.worker.threads import DecodeThreads
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
        self._adapters: Adapters | None = None
        self._policy: GuessPolicy | None = None
        self._draft: DraftModel | None = None
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
                elif isinstance(request, UseAdapters):
                    self._use_adapters(request)
                elif isinstance(request, SaveLanes):
                    self._save_lanes()
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
            self._pipe.note_progress()
            if fraction < sent or fraction - sent >= _PROGRESS_STEP:  # less: it is tried again, with fewer layers
                sent = fraction
                self._pipe.emit(LoadProgress(fraction=fraction))
            return not self._pipe.is_shutting_down

        loaded = load(request, self._log, progress, self._is_aborted)
        self._loaded = loaded
        if loaded.context is not None:
            threads = DecodeThreads(loaded.context, adapts=request.n_threads is None)
            self._evaluator = (
                EncoderDecoder(loaded, threads) if loaded.is_encoder_decoder else _lanes(loaded, request, threads)
            )
            self._adapters = Adapters(loaded, self._log)
            self._adapters.use(request.adapters)
            self._policy = GuessPolicy(CostCurve(_slope(loaded))) if request.speculate else None
            self._draft = self._load_draft(request, loaded)
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
        if self._loaded is None or self._prompts is None or self._evaluator is None or self._adapters is None:
            raise _nothing_loaded()
        self._running = request.id
        try:
            Generation(
                request,
                self._loaded,
                self._evaluator,
                self._prompts,
                self._adapters,
                self._guesses(),
                self._pipe.emit,
                self._is_aborted,
            ).run()
        finally:
            self._running = None

    def _load_draft(self, request: Load, loaded: LoadedModel) -> DraftModel | None:
        """The draft model, if one is wanted. Raises WorkerFailure."""
        if request.draft_path is None:
            return None
        wanted = request.model_copy(
            update={"model_path": request.draft_path, "n_ctx": loaded.n_ctx, "n_gpu_layers": None, "adapters": ()}
        )
        draft = load(wanted, self._log, lambda _fraction: not self._pipe.is_shutting_down, self._is_aborted)
        try:
            return DraftModel(draft, loaded.vocabulary, adapts=request.n_threads is None)
        except WorkerFailure:
            draft.close()
            raise

    def _guesses(self) -> Callable[[Sequence[int]], Guesser] | None:
        policy, draft = self._policy, self._draft
        if policy is None:
            return None
        if draft is None:
            return partial(Guesser, policy)
        return partial(ModelGuesser, policy, model=draft)

    def _use_format(self, request: UseFormat) -> None:
        if self._loaded is None or self._prompts is None:
            raise _nothing_loaded()
        self._prompts.use(request.format)
        self._pipe.emit(FormatChanged(model=_describe(self._loaded.path, self._loaded, self._prompts)))

    def _use_adapters(self, request: UseAdapters) -> None:
        if self._adapters is None:
            self._pipe.emit(AdaptersChanged(adapters=(), error=_nothing_loaded().title))
            return
        try:
            self._adapters.use(request.adapters)
            self._pipe.emit(AdaptersChanged(adapters=self._adapters.wanted))
        except WorkerFailure as failure:
            self._pipe.emit(AdaptersChanged(adapters=self._adapters.wanted, error=failure.title, hint=failure.hint))

    def _inspect(self, request: Inspect) -> None:
        try:
            if self._prompts is None:
                raise _nothing_loaded()
            with self._prompts.using(request.format):
                self._pipe.emit(Inspected(id=request.id, prompt=self._prompts.view(self._make_for(request))))
        except WorkerFailure as failure:
            self._pipe.emit(Inspected(id=request.id, error=failure.title))

    def _make_for(self, request: Inspect) -> TokenizedPrompt:
        """The prompt as it would be sent: shortened where the context is full; if nothing helps, as it is."""
        assert self._prompts is not None
        assert self._loaded is not None
        make = partial(self._prompts.make, now=request.now, thinking=request.thinking)
        try:
            return fit(request.prompt, make, self._loaded.n_ctx, max_tokens=None).made
        except WorkerFailure as failure:
            if failure.kind != "context":
                raise
            return make(request.prompt)

    def _save_lanes(self) -> None:
        if self._evaluator is not None:
            self._evaluator.save()

    def _is_aborted(self) -> bool:
        self._pipe.note_progress()
        is_stopped = self._running is not None and self._pipe.is_stopped(self._running)
        return is_stopped or self._pipe.is_shutting_down

    def _unload(self) -> None:
        self._sandbox.close()
        if self._evaluator is not None:
            self._evaluator.close()
        if self._draft is not None:
            self._draft.close()
        if self._loaded is not None:
            self._loaded.close()
        self._evaluator = self._loaded = self._prompts = self._adapters = self._draft = None


def _lanes(loaded: LoadedModel, request: Load, threads: DecodeThreads) -> Lanes:
    assert loaded.context is not None  # it is not for inspecting only
    memory = Memory(loaded.model, loaded.context, loaded.n_ctx, loaded.n_batch, threads)
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
        notes=(*resolved.notes, *loaded.notes, *_context_notes(loaded)),
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
