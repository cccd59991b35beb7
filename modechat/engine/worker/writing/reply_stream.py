"""Sends a reply to the front end, in batches.

Separates thinking from the answer, cuts stop strings and leaked markers, trims white space, and
ends a reply that does nothing but repeat itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pydantic import BaseModel

from modechat.domain.conversation import Role, StopReason
from modechat.domain.sampling import Sampling
from modechat.domain.text import ReplyTrimmer, StopMatcher
from modechat.engine.protocol import ChatPrompt, Delta, Generate, InstructPrompt
from modechat.engine.worker.prompts import Prompts
from modechat.engine.worker.writing.loop_watch import (
    HasChoice,
    NoLoopWatch,
    RepetitionWatch,
)
from modechat.prompting.formats import FormatSource
from modechat.prompting.leaks import LeakDetector
from modechat.prompting.prompt import Prompt
from modechat.prompting.reasoning import ReasoningSplitter, Split


class ReplyStream:
    """Takes the text of token after token and emits deltas. `sampling` is complete.

    `has_choice` says whether the grammar, if there is one, lets the reply go on in different ways.
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
        self._id = request.id
        self._emit = emit
        prefill = request.prompt.prefill
        self._splitter = _splitter(prompts, prompt, prefill)
        # In its own format a model may write about anything; only the control token that begins a
        # turn ends its reply.
        self._is_own_format = prompt.format.source is FormatSource.GGUF
        stops, markers = self._stops_and_markers(request, prompt, sampling, prompts)
        self._stops = StopMatcher(stops)
        self._leaks = LeakDetector(markers, _conversation(request))
        self._loops: NoLoopWatch | RepetitionWatch = NoLoopWatch()
        if sampling.stop_repetition:
            self._loops = RepetitionWatch(_texts_of_user(request), has_choice)
        self._trim: Callable[[str], str] = str
        if not request.is_constrained:
            self._trim = ReplyTrimmer(has_begun=bool(prefill)).feed
        self._thinking = ""
        # The reply may go on in the middle of a line, or of a block of code.
        self._answer = self._trim(self._leaks.feed(prefill)[0])
        self._sent_answer, self._sent_thinking = "", ""
        self._seconds_between_deltas = request.seconds_between_deltas
        self._last_sent = float("-inf")
        self.n_tokens = 0
        self.n_thinking_tokens = 0
        self.leak = ""
        """The marker of another role that was found."""
        self.n_repeated = 0
        """Repeated characters, as in ReplyStats; known when the reply is finished."""

    def _stops_and_markers(
        self, request: Generate, prompt: Prompt, sampling: Sampling, prompts: Prompts
    ) -> tuple[tuple[str, ...], frozenset[str]]:
        """Return the texts that end the reply, and the markers of other roles that cut it."""
        if request.is_constrained:  # cutting what a grammar has shaped would break it
            return (), frozenset()
        stops = (*prompt.stop, *sampling.stop)
        known = prompts.control_markers if self._is_own_format else prompts.markers
        return stops, _leak_markers(known, stops)

    def add_token(self, text: str) -> StopReason | None:
        """Add the text of one token; return why the reply ends with it, if it does."""
        self.n_tokens += 1
        return self.add(text)

    def add(self, text: str) -> StopReason | None:
        split = Split("", text) if self._splitter is None else self._splitter.feed(text)
        if split.thinking:
            self.n_thinking_tokens += 1
            self._thinking += split.thinking
        ended = self._add_answer(split.answer)
        if ended is None and self._loops.feed(text):
            ended = StopReason.REPEATS
        if ended or time.perf_counter() - self._last_sent >= self._seconds_between_deltas:
            self._send()
        return ended

    def finish(self) -> None:
        """Send the text that was held back, at the end of the reply."""
        if self._splitter is not None:
            split = self._splitter.flush()
            self._thinking += split.thinking
            ended = self._add_answer(split.answer)
        else:
            ended = self._add_answer("")
        if not ended:
            shown, leak = self._leaks.feed(self._stops.flush())
            if not leak:
                shown += self._leaks.flush()
            self._answer += self._trim(shown)
        self._send()
        self.n_repeated = _n_at_end(self._loops.surplus, self._sent_answer or self._sent_thinking)

    def _add_answer(self, text: str) -> StopReason | None:
        shown, is_stopped = self._stops.feed(text)
        shown, leak = self._leaks.feed(shown)
        if is_stopped and leak is None:
            shown += self._leaks.flush()
        self._answer += self._trim(shown)
        if leak is not None and not self._is_own_format:
            self.leak = leak
            return StopReason.LEAK
        if leak is not None or is_stopped:
            return StopReason.STOP_STRING
        return None

    def _send(self) -> None:
        self._send_delta(self._thinking, is_thinking=True)
        self._send_delta(self._answer, is_thinking=False)
        self._sent_thinking += self._thinking
        self._sent_answer += self._answer
        self._thinking = self._answer = ""

    def _send_delta(self, text: str, *, is_thinking: bool) -> None:
        if not text:
            return
        self._emit(
            Delta(
                id=self._id,
                text=text,
                is_thinking=is_thinking,
                completion_tokens=self.n_tokens,
            )
        )
        self._last_sent = time.perf_counter()


def _splitter(prompts: Prompts, prompt: Prompt, prefill: str) -> ReasoningSplitter | None:
    """Return the splitter of thinking and answer; None if there is nothing to separate.

    Without tags nothing may be trimmed: stop strings may begin with the white space around
    thinking.
    """
    if prefill or not prompts.reasoning_tags:
        return None
    return ReasoningSplitter(prompts.reasoning_tags, prompt.text)


def _leak_markers(markers: frozenset[str], stops: tuple[str, ...]) -> frozenset[str]:
    """Return the markers, except those that end a reply of this format anyway."""
    found = set()
    for marker in markers:
        if not any(stop.strip() in marker for stop in stops):
            found.add(marker)
    return frozenset(found)


def _n_at_end(surplus: str, sent: str) -> int:
    """Return how many characters of `surplus` stand at the end of `sent`.

    White space at the ends of `surplus` may have been trimmed.
    """
    for end in (surplus, surplus.rstrip(), surplus.strip()):
        if sent.endswith(end):
            return len(end)
    return 0


def _texts_of_user(request: Generate) -> tuple[str, ...]:
    match request.prompt:
        case ChatPrompt(messages=messages):
            return tuple(one.content for one in messages if one.role is not Role.ASSISTANT)
        case InstructPrompt() as task:
            return (task.instruction, task.input, task.system)


def _conversation(request: Generate) -> tuple[str, ...]:
    """Return the texts that the model was given."""
    match request.prompt:
        case ChatPrompt(messages=messages, prefill=prefill):
            return (*(message.content for message in messages), prefill)
        case InstructPrompt() as task:
            return (task.instruction, task.input, task.prefill, task.system)
