"""Holds a loaded model with everything that works on it: lanes, prompts, adapters, guesses,
threads.

`load_runtime` makes one, `close` frees all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import PurePath

from pydantic import BaseModel

from modechat.engine.build import installed_version, version_trouble
from modechat.engine.prompt_view import PromptView
from modechat.engine.protocol import (
    Adapter,
    ChatPrompt,
    Generate,
    Inspect,
    Load,
    MeasureRaw,
    ModelInfo,
    RawMeasured,
)
from modechat.engine.worker.evaluation.adapters import Adapters
from modechat.engine.worker.evaluation.lanes import Lanes
from modechat.engine.worker.evaluation.memory import Memory
from modechat.engine.worker.evaluation.saved_lanes import open_saved_lanes
from modechat.engine.worker.evaluation.threads import DecodeThreads
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.loading.loader import load
from modechat.engine.worker.model import LoadedModel
from modechat.engine.worker.native_log import NativeLog
from modechat.engine.worker.prompts import Prompts, TokenizedPrompt
from modechat.engine.worker.text_bound import refuse_what_cannot_fit
from modechat.engine.worker.writing.draft_model import DraftModel, ModelGuesser
from modechat.engine.worker.writing.generate import Generation, Guessing, WritingParts
from modechat.engine.worker.writing.overflow import fit, without_left_out
from modechat.engine.worker.writing.speculation import CostCurve, Guesser, GuessPolicy
from modechat.prompting.renderer import Renderer
from modechat.prompting.resolve import ModelFacts

_SLOPE_CPU, _SLOPE_GPU = 0.7, 0.1
"""The estimated cost of one more token in a batch, in single tokens, before it is measured."""
_INSPECTED = 4
"""Times the context that an inspected prompt may be long."""


class ModelRuntime:
    """Answers requests about the loaded model."""

    def __init__(
        self, loaded: LoadedModel, prompts: Prompts, writing: WritingParts | None, owned: ExitStack
    ) -> None:
        """`writing` is None if only the vocabulary was loaded. `owned` frees everything."""
        self._loaded = loaded
        self._prompts = prompts
        self._parts = writing
        self._owned = owned

    def close(self) -> None:
        """Free the model and all that belongs to it."""
        self._owned.close()

    @property
    def adapters(self) -> tuple[Adapter, ...]:
        """The adapters that are in use."""
        return () if self._parts is None else self._parts.adapters.wanted

    @property
    def _writing(self) -> WritingParts:
        """The parts that write replies. Raises WorkerFailure if only the vocabulary was loaded."""
        if self._parts is None:
            raise WorkerFailure("engine", "Only the vocabulary is loaded", "Load the whole model.")
        return self._parts

    def generate(
        self, request: Generate, emit: Callable[[BaseModel], None], is_stopped: Callable[[], bool]
    ) -> None:
        """Write a reply. Raises WorkerFailure."""
        writing = self._writing
        refuse_what_cannot_fit(request.prompt, self._loaded.vocabulary, self._loaded.n_ctx)
        with self._prompts.using(request.format):
            Generation(request, self._loaded, self._prompts, writing, emit, is_stopped).run()

    def use_format(self, name: str | None) -> None:
        """Use the format of this name; None: the one that fits the model."""
        self._prompts.use(name)

    def use_adapters(self, adapters: Sequence[Adapter]) -> None:
        """Apply these adapters.

        Raises WorkerFailure if one cannot be used; nothing changes then.
        """
        self._writing.adapters.use(adapters)

    def inspect(self, request: Inspect) -> PromptView:
        """Return a prompt to look at. Raises WorkerFailure if there is none."""
        refuse_what_cannot_fit(
            request.prompt, self._loaded.vocabulary, self._loaded.n_ctx, _INSPECTED
        )
        with self._prompts.using(request.format):
            return self._prompts.view(self._make(request))

    def save_lanes(self) -> None:
        """Save the evaluated chat, if there is a place for it."""
        if self._parts is not None:
            self._parts.evaluator.save()

    def measure_raw(self, request: MeasureRaw) -> RawMeasured:
        """Run llama.cpp's own loop. Raises WorkerFailure."""
        from modechat.engine.worker.raw_loop import measure_raw_loop

        evaluator = self._writing.evaluator
        if not isinstance(evaluator, Lanes):
            raise WorkerFailure(
                "engine", "This kind of model cannot be measured", "Take one that chats."
            )
        tokens = self._prompts.make(request.prompt).tokens
        evaluator.forget()
        return measure_raw_loop(self._loaded, tokens, request.n_generate)

    def describe(self) -> ModelInfo:
        """Return the description of the model for front ends."""
        loaded, resolved = self._loaded, self._prompts.resolved
        return ModelInfo(
            name=PurePath(loaded.path).stem,
            path=loaded.path,
            architecture=loaded.architecture,
            description=loaded.description,
            size_bytes=loaded.size_bytes,
            n_ctx=loaded.n_ctx,
            n_ctx_train=loaded.n_ctx_train,
            placement=loaded.placement,
            format=resolved.format.name,
            format_source=resolved.format.source,
            system_fallback=resolved.system_fallback,
            sees_history=resolved.format.sees_history,
            thinking=self._prompts.thinking.switch,
            has_template="{" in (loaded.chat_template or ""),
            notes=(*resolved.notes, *loaded.notes, *_context_notes(loaded), *_version_notes()),
        )

    def _make(self, request: Inspect) -> TokenizedPrompt:
        """Return the prompt as it would be sent: shortened if the context is full.

        If nothing helps, return it as it is.
        """
        make = partial(self._prompts.make, now=request.now, thinking=request.thinking)
        try:
            return fit(request.prompt, make, self._loaded.n_ctx, max_tokens=None).made
        except WorkerFailure as failure:
            if failure.kind != "context":
                raise
        prompt = request.prompt
        if isinstance(prompt, ChatPrompt):
            prompt = without_left_out(prompt, prompt.n_left_out)
        return make(prompt)


def load_runtime(
    request: Load,
    log: NativeLog,
    render: Renderer,
    on_progress: Callable[[float], bool],
    is_aborted: Callable[[], bool],
) -> ModelRuntime:
    """Load a model and everything that works on it; nothing stays loaded if that fails.

    `render` runs templates. `on_progress` and `is_aborted` are as in `loading.load`. Raises
    WorkerFailure.
    """
    with ExitStack() as owned:
        loaded = load(request, log, on_progress, is_aborted)
        owned.callback(loaded.close)
        writing = None
        if loaded.context is not None:
            writing = _prepare_writing(request, loaded, log, is_aborted, owned)
        facts = ModelFacts(
            names=(PurePath(request.model_path).stem, *loaded.names),
            chat_template=loaded.chat_template,
            tokens=loaded.vocabulary.bos_and_eos,
            special_texts=frozenset(token.text for token in loaded.vocabulary.special_tokens),
            is_encoder_decoder=loaded.is_encoder_decoder,
        )
        prompts = Prompts(
            loaded.vocabulary, facts, request.formats, render, request.format, request.overridden
        )
        return ModelRuntime(loaded, prompts, writing, owned.pop_all())


def _prepare_writing(
    request: Load,
    loaded: LoadedModel,
    log: NativeLog,
    is_aborted: Callable[[], bool],
    owned: ExitStack,
) -> WritingParts:
    assert loaded.context is not None  # the model was loaded whole
    threads = DecodeThreads(loaded.context, adapts=request.n_threads is None)
    adapters = Adapters(loaded, log)
    adapters.use(request.adapters)
    if loaded.is_encoder_decoder:
        from modechat.engine.worker.evaluation.encoder import EncoderDecoder

        encoder = EncoderDecoder(loaded, threads)
        owned.callback(encoder.close)
        return WritingParts(encoder, threads, adapters, None)
    memory = Memory(
        loaded.model, loaded.context, loaded.n_ctx, loaded.n_batch, threads, loaded.abort
    )
    lanes = Lanes(memory, open_saved_lanes(request, loaded, memory, is_aborted))
    owned.callback(lanes.close)
    if not request.speculate:
        return WritingParts(lanes, threads, adapters, None)
    guesser_for = _prepare_guesser(request, loaded, log, is_aborted, owned)
    guessing = Guessing(guesser_for, is_always=request.speculate == "always")
    return WritingParts(lanes, threads, adapters, guessing)


def _prepare_guesser(
    request: Load,
    loaded: LoadedModel,
    log: NativeLog,
    is_aborted: Callable[[], bool],
    owned: ExitStack,
) -> Callable[[Sequence[int]], Guesser]:
    """Return the maker of guessers: they use the draft model if one is wanted, else the text."""
    policy = GuessPolicy(CostCurve(_SLOPE_GPU if loaded.placement.n_gpu_layers else _SLOPE_CPU))
    draft = _load_draft(request, loaded, log, is_aborted)
    if draft is None:
        return partial(Guesser, policy)
    owned.callback(draft.close)
    return partial(ModelGuesser, policy, model=draft)


def _load_draft(
    request: Load, loaded: LoadedModel, log: NativeLog, is_aborted: Callable[[], bool]
) -> DraftModel | None:
    """Load the draft model, if one is wanted. Raises WorkerFailure."""
    if request.draft_path is None:
        return None
    wanted = request.model_copy(
        update={
            "model_path": request.draft_path,
            "n_ctx": loaded.n_ctx,
            "n_gpu_layers": None,
            "adapters": (),
        }
    )

    def goes_on(_fraction: float) -> bool:
        return not is_aborted()

    draft = load(wanted, log, goes_on, is_aborted)
    try:
        return DraftModel(draft, loaded.vocabulary, adapts=request.n_threads is None)
    except WorkerFailure:
        draft.close()
        raise


def _version_notes() -> tuple[str, ...]:
    trouble = version_trouble(installed_version())
    if not trouble:
        return ()
    return (f"{trouble} `modechat doctor` has the command that mends it.",)


def _context_notes(loaded: LoadedModel) -> tuple[str, ...]:
    if loaded.context is None or loaded.n_ctx <= loaded.n_ctx_train:
        return ()
    note = (
        f"The context of {loaded.n_ctx:,} tokens is longer than the model was trained for "
        f"({loaded.n_ctx_train:,}): beyond that its replies get worse."
    )
    return (note,)
