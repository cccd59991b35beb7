"""Makes a prompt of messages, in the same way for every mode and format.

The guard breaks control texts. The template renders with the first fallback that loses no text. The
result is split into pieces to tokenise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from operator import attrgetter
from typing import Any

from modechat.domain.conversation import Message, Role
from modechat.domain.mode import Mode
from modechat.prompting.fallbacks import render_with_fallbacks
from modechat.prompting.guard import Guard, mark_edges, pieces, without_marker
from modechat.prompting.prompt_format import AS_IS, NO_TOKENS, PromptFormat, SpecialTokens
from modechat.prompting.reasoning import ReasoningTags, end_of_thinking
from modechat.prompting.renderer import Renderer, TemplateError
from modechat.prompting.single_shot import NO_PREFILL, Prefill, SingleShot


@dataclass(frozen=True, slots=True)
class Part:
    """The place of a text of the conversation in the prompt: `text[start:end]`."""

    name: str
    """`system`, `user`, `assistant`, `instruction`, `input`, `example` or `prefill`."""
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as text, ready to be tokenised piece by piece."""

    pieces: tuple[str, ...]
    """Texts that are tokenised one by one, with control tokens; joined they are the prompt."""
    format: PromptFormat
    """The format that made it: the model's own, or the one that replaced it because it refused."""
    fallback: str
    """The name of the fallback that the conversation needed."""
    refusal: str = ""
    """The reason why the model's own format refused, if a named one replaced it."""
    stop: tuple[str, ...] = ()
    neutralised: tuple[str, ...] = ()
    """The control texts in the newest message that were turned into plain text, in order."""
    neutralised_before: tuple[str, ...] = ()
    """The same for the system text, worked examples, and the user's earlier messages."""
    parts: tuple[Part, ...] = ()

    @property
    def text(self) -> str:
        return "".join(self.pieces)


@dataclass(frozen=True, slots=True)
class PromptBuilder:
    """Makes the prompts of one model.

    The methods raise TemplateError if neither the format nor the fallback format makes a prompt.
    """

    format: PromptFormat
    fallback_format: PromptFormat
    """The format that replaces `format` if that refuses."""
    render: Renderer
    guard: Guard
    tokens: SpecialTokens = NO_TOKENS
    variables: Mapping[str, Any] = field(default_factory=dict)
    """Further variables for the template, such as `enable_thinking`."""
    reasoning_tags: tuple[ReasoningTags, ...] = ()
    """The tags around the model's thinking: a prefill belongs to the answer after it."""

    def chat(
        self, messages: tuple[Message, ...], now: str | None = None, prefill: str = ""
    ) -> Prompt:
        """Return the prompt of a chat whose last message is the user's.

        `now` is an ISO time, the clock of templates. `prefill` is what the model has already
        written of its reply.
        """
        earlier: list[str] = []
        for message in messages[:-1]:
            if message.role is not Role.ASSISTANT:
                earlier.append(message.content)

        def build(used: PromptFormat) -> Prompt:
            return self._messages(used, messages, Mode.CHAT, now, Prefill(prefill))

        return self._with_fallback(build, [messages[-1].content], earlier)

    def task(self, single: SingleShot, now: str | None = None) -> Prompt:
        """Return the prompt of a single-shot task, its prefill at the end."""
        task = single.task
        newest = [task.instruction, task.input, task.prefill[: single.prefill.typed]]
        earlier = [single.system, *_texts_in(list(map(asdict, single.examples)))]
        return self._with_fallback(partial(self._task, single, now), newest, earlier)

    def _with_fallback(
        self, build: Callable[[PromptFormat], Prompt], newest: Iterable[str], earlier: Iterable[str]
    ) -> Prompt:
        try:
            prompt = build(self.format)
        except TemplateError as refusal:
            if self.fallback_format == self.format:
                raise
            try:
                prompt = build(self.fallback_format)
            except TemplateError:
                raise refusal from None
            fallback = f"{self.fallback_format.name}, because the template refuses: {refusal}"
            prompt = replace(prompt, fallback=fallback, refusal=str(refusal))
        return replace(
            prompt, neutralised=self._found(newest), neutralised_before=self._found(earlier)
        )

    def _found(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Return the control texts in `texts`."""
        found: list[str] = []
        for text in texts:
            found += self.guard.found(text)
        return tuple(found)

    def _messages(
        self,
        used: PromptFormat,
        messages: tuple[Message, ...],
        mode: Mode,
        now: str | None,
        prefill: Prefill = NO_PREFILL,
    ) -> Prompt:
        seen = messages
        if not used.sees_history:
            seen = _last_only(messages)
        if used.system and all(message.role is not Role.SYSTEM for message in seen):
            seen = (Message(Role.SYSTEM, used.system), *seen)
        given = [self._neutralise(message) for message in seen]
        render = partial(self._render, used.chat_template, now)
        rendered = render_with_fallbacks(render, given)
        text = rendered.text
        if any(self.guard.may_join(message.content) for message in seen):

            def render_marked() -> str:
                return render_with_fallbacks(render, mark_edges(given)).text

            text = self._break_borders(text, render_marked)
        texts = [(message.role.value, message.content) for message in seen]
        return self._prompt(used, text, rendered.fallback, mode, texts, prefill)

    def _break_borders(self, rendered: str, render_marked: Callable[[], str]) -> str:
        """Break control texts that texts of the conversation form with their neighbours.

        `render_marked` renders once more, with marks at the edges of the texts.
        """
        try:
            return self.guard.break_borders(rendered, render_marked())
        except TemplateError:  # the template does not take the marks
            return rendered

    def _neutralise(self, message: Message) -> dict[str, Any]:
        """Return the fields of `message`, neutralised.

        The part of a reply that is not the model's own is guarded as the user's texts are.
        """
        fields = self.guard.neutralise_message(message_fields(message))
        if message.role is Role.ASSISTANT and message.typed:
            typed, own = message.content[: message.typed], message.content[message.typed :]
            typed = self.guard.neutralise(typed)
            fields["content"] = self.guard.append(typed, own, of_assistant=True)
        return fields

    def _task(self, single: SingleShot, now: str | None, used: PromptFormat) -> Prompt:
        task = single.task
        if used.instruct_template is None:
            return self._messages(used, single.messages(), Mode.INSTRUCT, now, single.prefill)
        system = single.system or used.system
        variables = {
            "instruction": task.instruction,
            "input": task.input,
            "system": system,
            "examples": list(map(asdict, single.examples)),
        }
        messages = list(map(self._neutralise, single.messages()))
        neutralised = self.guard.neutralise_message(variables)
        render = partial(self._render, used.instruct_template, now)
        text = render(messages, **neutralised)
        if any(map(self.guard.may_join, _texts_in(variables))):

            def render_marked() -> str:
                return render(mark_edges(messages), **mark_edges(neutralised))

            text = self._break_borders(text, render_marked)
        for needed in (task.instruction, task.input):
            if self.guard.neutralise(needed).strip() not in text:
                raise TemplateError("it leaves out the task")
        texts = [("system", system)]
        for example in single.examples:
            texts += [("example", example.instruction), ("example", example.input)]
        texts += [("instruction", task.instruction), ("input", task.input)]
        return self._prompt(used, text, AS_IS, Mode.INSTRUCT, texts, single.prefill)

    def _prompt(
        self,
        used: PromptFormat,
        rendered: str,
        fallback: str,
        mode: Mode,
        texts: Iterable[tuple[str, str]],
        prefill: Prefill,
    ) -> Prompt:
        if prefill.text:
            rendered += end_of_thinking(self.reasoning_tags, rendered)
            rendered = self.guard.append(rendered, prefill.text[: prefill.typed])
            rendered = self.guard.append(rendered, prefill.text[prefill.typed :], of_assistant=True)
        whole = pieces(rendered)
        text = "".join(whole)
        return Prompt(
            pieces=whole,
            format=used,
            fallback=fallback,
            stop=used.stops(mode),
            parts=locate([*texts, ("prefill", prefill.text)], text),
        )

    def _render(
        self, template: str, now: str | None, messages: list[dict[str, Any]], **variables: Any
    ) -> str:
        return self.render(
            template,
            messages,
            self.tokens.bos,
            self.tokens.eos,
            add_generation_prompt=True,
            now=now,
            **self.variables,
            **variables,
        )


def message_fields(message: Message) -> dict[str, Any]:
    """Return `message` as templates see it; thinking gets both names that templates use."""
    fields = {"role": message.role.value, "content": message.content}
    if message.thinking:
        fields |= {"reasoning_content": message.thinking, "thinking": message.thinking}
    return fields


def _texts_in(value: Any) -> Iterator[str]:
    """Yield all texts in a value of lists and dicts."""
    if isinstance(value, str):
        yield value
        return
    if isinstance(value, Mapping):
        value = value.values()
    for item in value:
        yield from _texts_in(item)


def locate(texts: Iterable[tuple[str, str]], prompt: str) -> tuple[Part, ...]:
    """Return the places of the named texts in `prompt` that can be found and do not overlap."""
    parts: list[Part] = []
    cursor = 0
    for name, raw in texts:
        text = without_marker(raw).strip()
        start = prompt.find(text, cursor)
        if start < 0:
            start = prompt.find(text)
        end = start + len(text)
        if not text or start < 0 or any(part.start < end and start < part.end for part in parts):
            continue
        parts.append(Part(name, start, end))
        cursor = max(cursor, end)
    return tuple(sorted(parts, key=attrgetter("start")))


def _last_only(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return the system texts and the last message."""
    system = [message for message in messages if message.role is Role.SYSTEM]
    return (*system, messages[-1])
