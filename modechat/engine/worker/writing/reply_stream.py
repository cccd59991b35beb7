"""The reply on its way out: thinking parted from the answer, stop strings and leaked markers cut, white space trimmed,
ended where it does nothing but repeat itself, sent in batches."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from pydantic import BaseModel

from modechat.domain.conversation import Role, StopReason
from modechat.domain.repetition import Repetition, RepetitionGuard
from modechat.domain.sampling import Sampling
from modechat.domain.text import ReplyTrimmer, StopMatcher
from modechat.engine.protocol import ChatPrompt, Delta, Generate, InstructPrompt
from modechat.engine.worker.prompts import Prompts
from modechat.prompting.formats import FormatSource
from modechat.prompting.leaks import LeakDetector
from modechat.prompting.prompt import Prompt
from modechat.prompting.reasoning import ReasoningSplitter, Split


class HasChoice(Protocol):
    def __call__(self, *, blank: bool) -> bool:
        """White space counts as a way to go on only if `blank`."""


class ReplyStream:
    """Takes the text of token after token and emits deltas. `sampling` is complete.

    `has_choice` says whether a grammar, if there is one, lets the reply go on in different ways.
    """

    def __init__(
        self,
        request: Generate,
        prompt: Prompt,
        sampling: Sampling,
        prompts: Prompts,
        emit: Callable[[BaseModel], None],
        has_choice: HasChoice,
    ) -> None:
        is_constrained = request.schema_text is not None or request.grammar is not None
        # What a grammar has shaped is whole as it is: cutting it would break it.
        stops = () if is_constrained else (*prompt.stop, *sampling.stop)
        prefill = request.prompt.prefill
        self._id = request.id
        self._emit = emit
        # Without tags there is nothing to part, and stop strings may begin with the white space that parting trims.
        parts = bool(prompts.reasoning_tags) and not prefill
        self._splitter = ReasoningSplitter(prompts.reasoning_tags, prompt.text) if parts else None
        self._stops = StopMatcher(stops)
        # A model in its own format may write of anything; the control token that begins a turn ends one all the same.
        self._is_own_format = prompt.format.source is FormatSource.GGUF
        known = prompts.control_markers if self._is_own_format else prompts.markers
        markers: frozenset[str] = frozenset() if is_constrained else _leak_markers(known, stops)
        self._leaks = LeakDetector(markers, _conversation(request))
        self._guard = RepetitionGuard(_said_by_user(request)) if sampling.stop_repetition else None
        self._has_choice = has_choice
        self._repetition: Repetition | None = None
        self._surplus = ""
        self._trim: Callable[[str], str] = (
            str if is_constrained else ReplyTrimmer(has_begun=bool(prefill)).feed
        )
        self._thinking = ""
        # The reply may go on in the middle of a line, or of a block of code.
        self._answer = self._trim(self._leaks.feed(prefill)[0])
        self._said, self._thought = "", ""
        self._seconds_between_deltas = request.seconds_between_deltas
        self._last_sent = float("-inf")
        self.n_tokens = 0
        self.n_thinking_tokens = 0
        self.leak = ""
        """The other role's marker that was found."""
        self.n_repeated = 0
        """Known when the reply is finished: as in ReplyStats."""

    def add_token(self, text: str) -> StopReason | None:
        """Add the text of one token; why the reply ends with it, if it does."""
        self.n_tokens += 1
        return self.add(text)

    def add(self, text: str) -> StopReason | None:
        split = self._splitter.feed(text) if self._splitter is not None else Split("", text)
        if split.thinking:
            self.n_thinking_tokens += 1
            self._thinking += split.thinking
        ended = self._add_answer(split.answer)
        if ended is None and self._repeats(text):
            ended = StopReason.REPEATS
        if ended or time.perf_counter() - self._last_sent >= self._seconds_between_deltas:
            self._send()
        return ended

    def finish(self) -> None:
        """No more will come: send what was held back."""
        split = self._splitter.flush() if self._splitter is not None else Split("", "")
        self._thinking += split.thinking
        if not self._add_answer(split.answer):
            shown, leak = self._leaks.feed(self._stops.flush())
            self._answer += self._trim(shown if leak else shown + self._leaks.flush())
        self._send()
        if self._surplus:
            sent = self._said or self._thought
            self.n_repeated = next(
                (len(end) for end in _as_sent(self._surplus) if sent.endswith(end)), 0
            )

    def _repeats(self, text: str) -> bool:
        """Whether the reply says nothing but the same by now, and not because a grammar wants it so."""
        if self._guard is None:
            return False
        if self._repetition is None:
            self._repetition = self._guard.feed(text)
            if self._repetition is None:
                return False
            self._surplus = self._repetition.surplus
        else:
            self._surplus += text
        if self._has_choice(blank=self._repetition.unit.isspace()):
            return True
        if len(self._surplus) - len(self._repetition.surplus) >= len(self._repetition.unit):
            self._guard.reset()
            self._repetition, self._surplus = None, ""
        return False

    def _add_answer(self, text: str) -> StopReason | None:
        shown, stopped = self._stops.feed(text)
        shown, leak = self._leaks.feed(shown)
        if stopped and leak is None:
            shown += self._leaks.flush()
        self._answer += self._trim(shown)
        if leak is not None and self._is_own_format:
            return StopReason.STOP_STRING
        if leak is not None:
            self.leak = leak
            return StopReason.LEAK
        return StopReason.STOP_STRING if stopped else None

    def _send(self) -> None:
        for text, is_thinking in ((self._thinking, True), (self._answer, False)):
            if text:
                self._emit(
                    Delta(
                        id=self._id,
                        text=text,
                        is_thinking=is_thinking,
                        completion_tokens=self.n_tokens,
                    )
                )
                self._last_sent = time.perf_counter()
        self._thought += self._thinking
        self._said += self._answer
        self._thinking = self._answer = ""


def _leak_markers(markers: frozenset[str], stops: tuple[str, ...]) -> frozenset[str]:
    """The markers but those that end a reply of this format anyway."""
    return frozenset(
        marker for marker in markers if not any(stop.strip() in marker for stop in stops)
    )


def _as_sent(surplus: str) -> tuple[str, ...]:
    """How the end of what the model wrote may look when it is sent: white space at its ends is not."""
    return surplus, surplus.rstrip(), surplus.strip()


def _said_by_user(request: Generate) -> tuple[str, ...]:
    match request.prompt:
        case ChatPrompt(messages=messages):
            return tuple(
                message.content for message in messages if message.role is not Role.ASSISTANT
            )
        case InstructPrompt() as task:
            return (task.instruction, task.input, task.system)


def _conversation(request: Generate) -> tuple[str, ...]:
    """The texts that the model was given."""
    match request.prompt:
        case ChatPrompt(messages=messages, prefill=prefill):
            return (*(message.content for message in messages), prefill)
        case InstructPrompt() as task:
            return (task.instruction, task.input, task.prefill, task.system)
