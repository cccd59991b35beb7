"""The reply on its way out: thinking parted from the answer, stop strings and leaked markers cut, white space trimmed,
sent in batches."""

from __future__ import annotations

import time
from collections.abc import Callable

from pydantic import BaseModel

from modechat.domain.conversation import StopReason
from modechat.domain.text import ReplyTrimmer, StopMatcher
from modechat.engine.protocol import ChatPrompt, Delta, Generate, InstructPrompt
from modechat.engine.worker.prompts import Prompts
from modechat.prompting.leaks import LeakDetector
from modechat.prompting.prompt import Prompt
from modechat.prompting.reasoning import ReasoningSplitter, Split

_SECONDS_BETWEEN_DELTAS = 0.05


class ReplyStream:
    """Takes the text of token after token and emits deltas. `user_stops` are the user's own stop strings."""

    def __init__(
        self,
        request: Generate,
        prompt: Prompt,
        user_stops: tuple[str, ...],
        prompts: Prompts,
        emit: Callable[[BaseModel], None],
    ) -> None:
        is_constrained = request.schema_text is not None or request.grammar is not None
        # What a grammar has shaped is whole as it is: cutting it would break it.
        stops = () if is_constrained else (*prompt.stop, *user_stops)
        prefill = request.prompt.prefill
        self._id = request.id
        self._emit = emit
        # Without tags there is nothing to part, and stop strings may begin with the white space that parting trims.
        parts = bool(prompts.reasoning_tags) and not prefill
        self._splitter = ReasoningSplitter(prompts.reasoning_tags, prompt.text) if parts else None
        self._stops = StopMatcher(stops)
        markers: frozenset[str] = frozenset() if is_constrained else _leak_markers(prompts, stops)
        self._leaks = LeakDetector(markers, _conversation(request))
        self._trim: Callable[[str], str] = str if is_constrained else ReplyTrimmer(has_begun=bool(prefill)).feed
        self._thinking = ""
        # The reply may go on in the middle of a line, or of a block of code.
        self._answer = self._trim(self._leaks.feed(prefill)[0])
        self._last_sent = 0.0
        self.n_tokens = 0
        self.n_thinking_tokens = 0
        self.leak = ""
        """The other role's marker that was found."""

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
        if ended or time.perf_counter() - self._last_sent >= _SECONDS_BETWEEN_DELTAS:
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

    def _add_answer(self, text: str) -> StopReason | None:
        shown, stopped = self._stops.feed(text)
        shown, leak = self._leaks.feed(shown)
        if stopped and leak is None:
            shown += self._leaks.flush()
        self._answer += self._trim(shown)
        if leak is not None:
            self.leak = leak
            return StopReason.LEAK
        return StopReason.STOP_STRING if stopped else None

    def _send(self) -> None:
        for text, is_thinking in ((self._thinking, True), (self._answer, False)):
            if text:
                self._emit(Delta(id=self._id, text=text, is_thinking=is_thinking, completion_tokens=self.n_tokens))
                self._last_sent = time.perf_counter()
        self._thinking = self._answer = ""


def _leak_markers(prompts: Prompts, stops: tuple[str, ...]) -> frozenset[str]:
    """The markers of all formats but those that end a reply of this one anyway."""
    return frozenset(marker for marker in prompts.markers if not any(stop.strip() in marker for stop in stops))


def _conversation(request: Generate) -> tuple[str, ...]:
    """The texts that the model was given."""
    match request.prompt:
        case ChatPrompt(messages=messages, prefill=prefill):
            return (*(message.content for message in messages), prefill)
        case InstructPrompt() as task:
            return (task.instruction, task.input, task.prefill, task.system)
