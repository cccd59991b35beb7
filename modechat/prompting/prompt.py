"""From messages to a prompt: the one way in which every prompt of every mode and format comes about.

guard (control texts are broken) → template, with the first fallback that loses no text → pieces to tokenise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from modechat.domain.conversation import Message, Role, message_text
from modechat.domain.mode import Mode
from modechat.domain.modes import Task
from modechat.domain.tasks import Example
from modechat.prompting.fallbacks import AS_IS, REFUSED, Rendered, render_with_fallbacks
from modechat.prompting.guard import Guard, mark_edges, pieces, without_marker
from modechat.prompting.prompt_format import NO_TOKENS, PromptFormat, SpecialTokens
from modechat.prompting.reasoning import ReasoningTags, end_of_thinking
from modechat.prompting.renderer import Renderer, TemplateError


@dataclass(frozen=True, slots=True)
class Prefill:
    """The start of the reply, which the model continues. `typed` characters of it are the user's, the rest its own."""

    text: str = ""
    typed: int = 0


_NO_PREFILL = Prefill()


@dataclass(frozen=True, slots=True)
class SingleShot:
    """A task with what belongs to it, but no history."""

    task: Task
    system: str = ""
    examples: tuple[Example, ...] = ()
    context_first: bool = False
    """Where a task is one user turn: the input, then the instruction as a question about it."""
    typed: int | None = None
    """How many characters of the task's prefill are the user's; None: all."""

    @property
    def prefill(self) -> Prefill:
        return Prefill(
            self.task.prefill, len(self.task.prefill) if self.typed is None else self.typed
        )

    def messages(self) -> tuple[Message, ...]:
        """The task as messages: each worked example is a turn of its own."""
        system = (Message(Role.SYSTEM, self.system),) if self.system else ()
        shown = [
            message
            for example in self.examples
            for message in (self._message(example.as_task()), _example_reply(example))
        ]
        return (*system, *shown, self._message(self.task))

    def _message(self, task: Task) -> Message:
        if self.context_first and task.input:
            return Message(Role.USER, f"{task.input}\n\nQuestion: {task.instruction}")
        return Message(Role.USER, message_text(task))


@dataclass(frozen=True, slots=True)
class Part:
    """Where a text of the conversation stands in the prompt: `text[start:end]`."""

    name: str
    """`system`, `user`, `assistant`, `instruction`, `input`, `example` or `prefill`."""
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as text, ready to be tokenised piece by piece."""

    pieces: tuple[str, ...]
    """Tokenised one by one, control tokens recognised; joined they are the text."""
    format: PromptFormat
    """The format that made it: where the model's own refuses, the named one that took its place."""
    fallback: str
    """What the conversation needed: a fallback."""
    stop: tuple[str, ...] = ()
    neutralised: tuple[str, ...] = ()
    """The control texts in the newest message that were turned into plain text, in order."""
    neutralised_before: tuple[str, ...] = ()
    """Those in the system text, in worked examples, and in the user's earlier messages."""
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
    """Takes the format's place where it refuses."""
    render: Renderer
    guard: Guard
    tokens: SpecialTokens = NO_TOKENS
    variables: Mapping[str, Any] = field(default_factory=dict)
    """Further variables for the template, such as `enable_thinking`."""
    reasoning_tags: tuple[ReasoningTags, ...] = ()
    """What the model writes around its thinking: a prefill is part of the answer, behind that."""

    def chat(
        self, messages: tuple[Message, ...], now: str | None = None, prefill: str = ""
    ) -> Prompt:
        """The prompt of a chat whose last message is the user's. `now` is an ISO time: the clock of templates.

        `prefill` is what the model has already written of its reply.
        """
        return self._with_fallback(
            lambda used: self._messages(used, messages, Mode.CHAT, now, Prefill(prefill)),
            newest=[messages[-1].content],
            earlier=[
                message.content for message in messages[:-1] if message.role is not Role.ASSISTANT
            ],
        )

    def task(self, single: SingleShot, now: str | None = None) -> Prompt:
        """The prompt of a single-shot task, its prefill at the end."""
        task = single.task
        return self._with_fallback(
            lambda used: self._task(used, single, now),
            newest=[task.instruction, task.input, task.prefill[: single.prefill.typed]],
            earlier=[single.system, *_texts_in([asdict(example) for example in single.examples])],
        )

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
            prompt = replace(prompt, fallback=f"{self.fallback_format.name}, {REFUSED}: {refusal}")
        return replace(
            prompt, neutralised=self._found(newest), neutralised_before=self._found(earlier)
        )

    def _found(self, texts: Iterable[str]) -> tuple[str, ...]:
        return tuple(found for text in texts for found in self.guard.found(text))

    def _messages(
        self,
        used: PromptFormat,
        messages: tuple[Message, ...],
        mode: Mode,
        now: str | None,
        prefill: Prefill = _NO_PREFILL,
    ) -> Prompt:
        seen = messages if used.sees_history else _last_only(messages)
        if used.system and all(message.role is not Role.SYSTEM for message in seen):
            seen = (Message(Role.SYSTEM, used.system), *seen)
        neutralised = [self._neutralise(message) for message in seen]

        def render(given: list[dict[str, Any]]) -> Rendered:
            return render_with_fallbacks(
                lambda adapted: self._render(used.chat_template, adapted, now), given
            )

        rendered = render(neutralised)
        text = rendered.text
        if any(self.guard.may_join(message.content) for message in seen):
            text = self._break_borders(
                text, lambda: render([mark_edges(message) for message in neutralised]).text
            )
        texts = [(message.role.value, message.content) for message in seen]
        return self._prompt(used, text, rendered.fallback, mode, texts, prefill)

    def _break_borders(self, rendered: str, render_with_edges: Callable[[], str]) -> str:
        """Texts that could make a control text together with what stands beside them: render once more, to see."""
        try:
            return self.guard.break_borders(rendered, render_with_edges())
        except TemplateError:  # it minds the marks
            return rendered

    def _neutralise(self, message: Message) -> dict[str, Any]:
        """The fields of `message`, neutralised. What of a reply is not the model's own is guarded as the user's text."""
        fields = self.guard.neutralise_message(message_fields(message))
        if message.role is Role.ASSISTANT and message.typed:
            typed, own = message.content[: message.typed], message.content[message.typed :]
            fields["content"] = self.guard.append(
                self.guard.neutralise(typed), own, of_assistant=True
            )
        return fields

    def _task(self, used: PromptFormat, single: SingleShot, now: str | None) -> Prompt:
        task = single.task
        if used.instruct_template is None:
            return self._messages(used, single.messages(), Mode.INSTRUCT, now, single.prefill)
        system = single.system or used.system
        variables = {
            "instruction": task.instruction,
            "input": task.input,
            "system": system,
            "examples": [asdict(example) for example in single.examples],
        }
        template, messages = (
            used.instruct_template,
            [self._neutralise(message) for message in single.messages()],
        )
        neutralised = self.guard.neutralise_message(variables)
        text = self._render(template, messages, now, **neutralised)
        if any(map(self.guard.may_join, _texts_in(variables))):
            edged = [mark_edges(message) for message in messages]
            text = self._break_borders(
                text, lambda: self._render(template, edged, now, **mark_edges(neutralised))
            )
        for lost in (task.instruction, task.input):
            if self.guard.neutralise(lost).strip() not in text:
                raise TemplateError("it leaves out the task")
        texts = [
            ("system", system),
            *(
                ("example", part)
                for example in single.examples
                for part in (example.instruction, example.input)
            ),
            ("instruction", task.instruction),
            ("input", task.input),
        ]
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
        self, template: str, messages: list[dict[str, Any]], now: str | None, **variables: Any
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


def _example_reply(example: Example) -> Message:
    """A reply that no model wrote."""
    return Message(Role.ASSISTANT, example.response, typed=len(example.response))


def message_fields(message: Message) -> dict[str, Any]:
    """`message` as templates see it. What a reasoning model thought goes under both names that templates use."""
    fields = {"role": message.role.value, "content": message.content}
    if message.thinking:
        fields |= {"reasoning_content": message.thinking, "thinking": message.thinking}
    return fields


def _texts_in(value: Any) -> Iterator[str]:
    """All texts in a value of lists and dicts."""
    if isinstance(value, str):
        yield value
    else:
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts_in(item)


def locate(texts: Iterable[tuple[str, str]], prompt: str) -> tuple[Part, ...]:
    """Where the named texts stand in `prompt`, as far as they can be found; what overlaps is left out."""
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
    return tuple(sorted(parts, key=lambda part: part.start))


def _last_only(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    system = tuple(message for message in messages if message.role is Role.SYSTEM)
    return (*system, messages[-1])
