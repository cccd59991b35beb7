"""Turns a request's messages into tokens, with the loaded model's format, guard and vocabulary.

Owns the choice of format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from modechat.domain.key_names import key
from modechat.domain.modes import Task
from modechat.engine.prompt_view import PromptView
from modechat.engine.protocol import ChatPrompt, InstructPrompt
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.rendering import LimitedRenderer
from modechat.engine.worker.tokens import Vocabulary
from modechat.engine.worker.viewing import view_of
from modechat.prompting.fallbacks import render_with_fallbacks
from modechat.prompting.formats import FormatSource, NamedFormat
from modechat.prompting.guard import Guard, is_control_text
from modechat.prompting.leaks import own_stops
from modechat.prompting.prompt import Prompt, PromptBuilder
from modechat.prompting.reasoning import ReasoningTags, marker_texts, tags_of
from modechat.prompting.renderer import Renderer, TemplateError
from modechat.prompting.resolve import ModelFacts, Resolved, resolve
from modechat.prompting.single_shot import SingleShot
from modechat.prompting.thinking import ThinkingControl, find_control


@dataclass(frozen=True, slots=True)
class TokenizedPrompt:
    """A prompt and its tokens."""

    prompt: Prompt
    tokens: list[int]
    """The tokens with BOS, and for encoders with EOS."""


class Prompts:
    """Makes the prompts of one loaded model."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        facts: ModelFacts,
        formats: Sequence[NamedFormat],
        render: Renderer,
        chosen: str | None = None,
        overridden: Sequence[NamedFormat] = (),
    ) -> None:
        """`facts` come from the model's file. `chosen` is the format that the user wants."""
        self._vocabulary = vocabulary
        self._facts = facts
        self._formats = tuple(formats)
        self._overridden = tuple(overridden)
        self._chosen = chosen
        self._render = LimitedRenderer(render)
        self.use(chosen)

    @property
    def resolved(self) -> Resolved:
        return self._resolved

    @property
    def thinking(self) -> ThinkingControl:
        return self._thinking

    @property
    def reasoning_tags(self) -> tuple[ReasoningTags, ...]:
        return self._tags

    @cached_property
    def _special_texts(self) -> frozenset[str]:
        return frozenset(token.text for token in self._vocabulary.special_tokens)

    @cached_property
    def markers(self) -> frozenset[str]:
        """Texts that begin a role's turn in any known format."""
        return frozenset(marker for named in self._formats for marker in named.markers)

    @property
    def control_markers(self) -> frozenset[str]:
        """The markers that are control tokens of the model: its texts never have them."""
        return self.markers & self._special_texts

    @property
    def shown_tokens(self) -> frozenset[int]:
        """Special tokens whose text matters in a reply: tags of thinking, markers of roles."""
        texts = self.markers | marker_texts(self._tags)
        special = self._vocabulary.special_tokens
        return frozenset(token.id for token in special if token.text in texts)

    def use(self, chosen: str | None) -> None:
        """Use the format of this name; None: the one that fits the model."""
        self._chosen = chosen
        # This comes first: a template that hits a limit here is not chosen later.
        written = self._written_by_own_template()
        self._resolved = resolve(self._facts, self._formats, self._render, chosen, self._overridden)
        format, fallback = self._resolved.format, self._resolved.fallback_format
        # The model was trained on what its own template writes, whichever format is in use.
        templates = [
            format.chat_template,
            format.instruct_template or "",
            fallback.chat_template,
            self._facts.chat_template or "",
            written,
        ]
        self._guard = self._guard_against("".join(templates))
        texts = self._special_texts
        self._tags = tags_of(format.chat_template, texts)
        self._own_stops = own_stops(format.chat_template, self.markers, texts)
        self._thinking = find_control(format.chat_template, self._probe)

    def _guard_against(self, templates: str) -> Guard:
        """Return the guard of the control texts that these templates may write."""
        found = set()
        for token in self._vocabulary.special_tokens:
            if is_control_text(token.text, user_defined=token.user_defined, template=templates):
                found.add(token.text)
        return Guard(found)

    @contextmanager
    def using(self, format: str | None) -> Iterator[None]:
        """Use another format within the `with` block; None: the one in use."""
        if format is None or format == self._resolved.format.name:
            yield
            return
        before = self._chosen
        self.use(format)
        try:
            yield
        finally:
            self.use(before)

    def make(
        self,
        request: ChatPrompt | InstructPrompt,
        now: str | None = None,
        thinking: bool | None = None,
    ) -> TokenizedPrompt:
        """Return the prompt of a request. Raises WorkerFailure if no format makes one."""
        if self._facts.is_encoder_decoder and _continues(request):
            raise WorkerFailure(
                "engine",
                "This kind of model cannot go on with a reply",
                f"{key('regenerate', 'Ctrl+R')} asks again.",
            )
        try:
            prompt = self._build(request, now, thinking)
        except TemplateError as error:
            raise WorkerFailure(
                "engine",
                f"The model's chat template refuses this conversation: {error}",
                "Try another format with /format, or begin a new conversation.",
            ) from error
        # Named formats say themselves where a reply ends.
        if prompt.format.source is FormatSource.GGUF:
            prompt = replace(prompt, stop=(*prompt.stop, *self._own_stops))
        if self._facts.is_encoder_decoder:
            return TokenizedPrompt(prompt, self._vocabulary.tokenize_for_encoder(prompt.pieces))
        return TokenizedPrompt(prompt, self._vocabulary.tokenize_prompt(prompt.pieces))

    def view(self, made: TokenizedPrompt) -> PromptView:
        """Return the view of a prompt for the user."""
        control = set()
        for token in self._vocabulary.special_tokens:
            if not token.user_defined or self._guard.found(token.text):
                control.add(token.id)
        return view_of(made.prompt, made.tokens, self._vocabulary, control)

    def _build(
        self, request: ChatPrompt | InstructPrompt, now: str | None, thinking: bool | None
    ) -> Prompt:
        builder = PromptBuilder(
            format=self._resolved.format,
            fallback_format=self._resolved.fallback_format,
            render=self._render,
            guard=self._guard,
            tokens=self._facts.tokens,
            variables=self._thinking.variables(thinking),
            reasoning_tags=self._tags,
        )
        match request:
            case ChatPrompt(messages=messages):
                return builder.chat(messages, now, request.prefill)
            case InstructPrompt():
                single = SingleShot(
                    task=Task(request.instruction, request.input, request.prefill),
                    typed=request.typed,
                    system=request.system,
                    examples=request.examples,
                    context_first=request.context_first,
                )
                return builder.task(single, now)

    def _written_by_own_template(self) -> str:
        """Return what the model's own template writes around messages.

        The names of roles may make tokens that the template's text does not have as a whole.
        """
        template, tokens = self._facts.chat_template, self._facts.tokens
        if template is None:
            return ""
        roles = ("system", "user", "assistant", "user")
        probe = [{"role": role, "content": "x"} for role in roles]

        def render(messages: list[dict[str, Any]]) -> str:
            return self._render(
                template, messages, tokens.bos, tokens.eos, add_generation_prompt=True
            )

        try:
            return render_with_fallbacks(render, probe).text
        except TemplateError:
            return ""

    def _probe(self, **variables: bool) -> str:
        tokens = self._facts.tokens
        probe = [{"role": "user", "content": "Hello"}]
        template = self._resolved.format.chat_template
        return self._render(
            template, probe, tokens.bos, tokens.eos, add_generation_prompt=True, **variables
        )


def _continues(request: ChatPrompt | InstructPrompt) -> bool:
    """Return True if the prompt ends with text that a model has written."""
    typed = 0 if isinstance(request, ChatPrompt) else request.typed
    return typed is not None and len(request.prefill) > typed
