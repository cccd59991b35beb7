"""From a request's messages to tokens: the loaded model's format, its guard and its vocabulary together.

Owns the choice of format and the process that templates run in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from modechat.domain.modes import Task
from modechat.engine.prompt_view import PromptView, TokenView
from modechat.engine.protocol import ChatPrompt, InstructPrompt
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.tokens import Vocabulary
from modechat.prompting.fallbacks import render_with_fallbacks
from modechat.prompting.formats import FormatSource, NamedFormat
from modechat.prompting.guard import Guard, is_control_text
from modechat.prompting.leaks import own_stops
from modechat.prompting.prompt import Part, Prompt, PromptBuilder
from modechat.prompting.reasoning import ReasoningTags, marker_texts, tags_of
from modechat.prompting.renderer import Renderer, TemplateError, TemplateLimitError
from modechat.prompting.resolve import ModelFacts, Resolved, resolve
from modechat.prompting.single_shot import SingleShot
from modechat.prompting.thinking import ThinkingControl, find_control


@dataclass(frozen=True, slots=True)
class TokenizedPrompt:
    prompt: Prompt
    tokens: list[int]
    """With BOS, and for encoders with EOS."""


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
        """`facts` knows nothing of the vocabulary yet. `chosen` is the format that the user wants."""
        self._vocabulary = vocabulary
        self._facts = facts
        self._formats = tuple(formats)
        self._overridden = tuple(overridden)
        self._chosen = chosen
        self._sandboxed = render
        self._ended: dict[str, TemplateLimitError] = {}
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
    def markers(self) -> frozenset[str]:
        """Texts that begin a role's turn in any known format."""
        return frozenset(marker for named in self._formats for marker in named.markers)

    @property
    def control_markers(self) -> frozenset[str]:
        """Those of them that are control tokens of the model: no text of its own has them."""
        return self.markers & {token.text for token in self._vocabulary.special_tokens}

    @property
    def shown_tokens(self) -> frozenset[int]:
        """Special tokens whose text matters in a reply: tags of thinking, and the markers of roles."""
        texts = self.markers | marker_texts(self._tags)
        return frozenset(
            token.id for token in self._vocabulary.special_tokens if token.text in texts
        )

    def use(self, chosen: str | None) -> None:
        """Use the format of this name; None: the one that fits the model."""
        self._chosen = chosen
        written = (
            self._written_by_own_template()
        )  # first: a template that has to be ended here is not resolved to
        self._resolved = resolve(self._facts, self._formats, self._render, chosen, self._overridden)
        format, fallback = self._resolved.format, self._resolved.fallback_format
        # The model was trained on what its own template writes, whichever format is in use.
        templates = "".join(
            (
                format.chat_template,
                format.instruct_template or "",
                fallback.chat_template,
                self._facts.chat_template or "",
                written,
            )
        )
        self._guard = Guard(
            {
                token.text
                for token in self._vocabulary.special_tokens
                if is_control_text(token.text, user_defined=token.user_defined, template=templates)
            }
        )
        texts = {token.text for token in self._vocabulary.special_tokens}
        self._tags = tags_of(format.chat_template, texts)
        self._own_stops = own_stops(format.chat_template, self.markers, texts)
        self._thinking = find_control(format.chat_template, self._probe)

    @contextmanager
    def using(self, format: str | None) -> Iterator[None]:
        """Use another format for a moment; None: the one in use."""
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
        """Raises WorkerFailure if no format makes a prompt of the request."""
        if self._facts.is_encoder_decoder and _continues(request):
            raise WorkerFailure(
                "engine", "This kind of model cannot go on with a reply", "Ctrl+R asks again."
            )
        try:
            prompt = self._build(request, now, thinking)
        except TemplateError as error:
            raise WorkerFailure(
                "engine",
                f"The model's chat template refuses this conversation: {error}",
                "Try another format with /format, or begin a new conversation.",
            ) from error
        if (
            prompt.format.source is FormatSource.GGUF
        ):  # named formats say themselves where a reply ends
            prompt = replace(prompt, stop=(*prompt.stop, *self._own_stops))
        if self._facts.is_encoder_decoder:
            return TokenizedPrompt(prompt, self._vocabulary.tokenize_for_encoder(prompt.pieces))
        return TokenizedPrompt(prompt, self._vocabulary.tokenize_prompt(prompt.pieces))

    def view(self, made: TokenizedPrompt) -> PromptView:
        """What the user sees of a prompt."""
        prompt = made.prompt
        control = {token.id for token in self._vocabulary.special_tokens if not token.user_defined}
        control |= {
            token.id for token in self._vocabulary.special_tokens if self._guard.found(token.text)
        }
        # A long text has few different tokens.
        known = {token: self._vocabulary.piece(token, special=True) for token in set(made.tokens)}
        shown = {
            token: TokenView(
                id=token, text=piece.decode(errors="replace"), control=token in control
            )
            for token, piece in known.items()
        }
        return PromptView(
            text=prompt.text,
            tokens=tuple(shown[token] for token in made.tokens),
            parts=count_by_part([known[token] for token in made.tokens], prompt.text, prompt.parts),
            format=prompt.format.name,
            format_source=prompt.format.source,
            fallback=prompt.fallback,
            neutralised=(*prompt.neutralised_before, *prompt.neutralised),
            stop=prompt.stop,
        )

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

    def _render(
        self,
        template: str,
        messages: Sequence[Mapping[str, Any]],
        bos_token: str | None,
        eos_token: str | None,
        add_generation_prompt: bool,
        **variables: Any,
    ) -> str:
        """The renderer, but for templates that had to be ended once: waiting for them again would freeze every turn."""
        if error := self._ended.get(template):
            raise error
        try:
            text = self._sandboxed(
                template, messages, bos_token, eos_token, add_generation_prompt, **variables
            )
        except TemplateLimitError as error:
            self._ended[template] = error
            raise
        except TemplateError as error:
            raise TemplateError(_unicode(str(error))) from error
        return _unicode(text)

    def _written_by_own_template(self) -> str:
        """What the model's own template writes around messages: the names of roles may make tokens that its text does
        not have as a whole."""
        template, tokens = self._facts.chat_template, self._facts.tokens
        if template is None:
            return ""
        probe = [{"role": role, "content": "x"} for role in ("system", "user", "assistant", "user")]
        try:
            return render_with_fallbacks(
                lambda messages: self._render(
                    template, messages, tokens.bos, tokens.eos, add_generation_prompt=True
                ),
                probe,
            ).text
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
    """Whether the prompt ends with what a model has written."""
    typed = 0 if isinstance(request, ChatPrompt) else request.typed
    return typed is not None and len(request.prefill) > typed


def _unicode(text: str) -> str:
    """`text` with U+FFFD for lone surrogates: a template can write them, but no message to the front end can."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def count_by_part(
    pieces: Sequence[bytes], text: str, parts: Sequence[Part]
) -> tuple[tuple[str, int], ...]:
    """How many tokens each part of a prompt has, in order; what is between the parts is the template's.

    `pieces` are the bytes of the tokens. A token belongs to the part that it begins in.
    """
    data = text.encode(errors="replace")
    borders = [
        (len(text[: part.start].encode()), len(text[: part.end].encode()), part.name)
        for part in parts
    ]
    counts: list[tuple[str, int]] = []
    position = 0
    for piece in pieces:
        start, position = _advance(data, position, piece)
        name = next(
            (name for begin, end, name in borders if begin <= start < end and position > start),
            "template",
        )
        if counts and counts[-1][0] == name:
            counts[-1] = (name, counts[-1][1] + 1)
        else:
            counts.append((name, 1))
    return tuple(counts)


def _advance(data: bytes, position: int, piece: bytes) -> tuple[int, int]:
    """Where `piece` stands in `data` from `position` on: its start and its end.

    Tokenisers put spaces in and eat white space; a piece that is not in the text (BOS) stands before the next one.
    """
    for candidate in (piece, piece.lstrip(b" ")):
        if not candidate:
            continue
        start = position
        while (
            start < len(data)
            and not data.startswith(candidate, start)
            and data[start : start + 1].isspace()
        ):
            start += 1
        if data.startswith(candidate, start):
            return start, start + len(candidate)
    return position, position
