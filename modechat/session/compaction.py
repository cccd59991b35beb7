"""/compact: the model summarises the turns that leave the context.

The originals stay in the conversation. A new summary replaces the previous one. A text that is too
long for one request is summarised part by part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from modechat.domain.context import turns_to_compact
from modechat.domain.conversation import ContextCut, StopReason, Turn, message_text
from modechat.domain.sampling import Sampling
from modechat.domain.tasks import Example
from modechat.engine.protocol import Delta, Event, Failed, Finished, Generate, InstructPrompt, Stop
from modechat.session.context_moves import move_context
from modechat.session.events import CompactionChanged, SessionEvent, Trouble
from modechat.session.gate import NOT_LOADED
from modechat.session.model_host import ModelHost
from modechat.session.phase import Phase
from modechat.session.settings import SessionSettings
from modechat.session.timeline import Timeline

_INSTRUCTION = (
    "Write down what was said in this conversation: names, numbers, decisions, open questions, "
    "and what the user wants. Short sentences."
)
_EXAMPLES = (
    Example(
        _INSTRUCTION,
        input="User: My bike has a flat tyre, it is a Brompton from 2019. Can I mend it myself?\n"
        "Assistant: Yes. You need two tyre levers, a patch and a pump. Take the wheel out first."
        "\n\n"
        "User: I have no levers. And I must be at work at 9.\n"
        "Assistant: Two spoons will do. It takes about 20 minutes.",
        response="The user has a Brompton from 2019 with a flat tyre and wants to mend it alone. "
        "The user has no tyre levers and must be at work at 9. The assistant said to take the "
        "wheel out and to use two spoons, a patch and a pump; it takes about 20 minutes.",
    ),
    Example(
        _INSTRUCTION,
        input="User: Which is larger, Jupiter or Saturn?\n"
        "Assistant: Jupiter is larger: it is about 143,000 km wide, and Saturn about 120,000 km."
        "\n\n"
        "User: Write a haiku about Saturn.\n"
        "Assistant: Rings of ice and dust / turn around a golden world / silent in the dark.",
        response="The user asked which planet is larger. The assistant said Jupiter, about "
        "143,000 km wide, while Saturn has about 120,000 km. The user wanted a haiku about "
        "Saturn, and the assistant wrote one.",
    ),
)
"""Without examples, small models describe the instruction instead of the conversation."""
_TOKENS_OF_EXAMPLES = 450  # at most
_LEAST_CONTEXT_FOR_EXAMPLES = 2048
_CHARACTERS_PER_TOKEN = 3  # a text with fewer may not fit, and is then halved
_SHORTEST_PART = 100  # characters
_LONGEST_SUMMARY = 400  # tokens


@dataclass(slots=True)
class _Job:
    """A summary that is being written."""

    left_turn_id: int
    parts: list[str]
    """The parts that are still to be summarised."""
    summary: str
    """The summary of the parts before."""
    asked: str = ""
    """The part that is being summarised."""
    request_id: int = 0
    written: list[str] = field(default_factory=list)


class Compaction:
    def __init__(
        self,
        host: ModelHost,
        timeline: Timeline,
        settings: Callable[[], SessionSettings],
        tell: Callable[[SessionEvent], None],
    ) -> None:
        self._host = host
        self._timeline = timeline
        self._settings = settings
        self._tell = tell
        self._job: _Job | None = None
        self._last_id = 0

    @property
    def is_running(self) -> bool:
        return self._job is not None

    def start(self) -> str:
        """Begin to summarise. Return the reason if there is nothing to do or no model, else ""."""
        conversation, model = self._timeline.conversation, self._host.model
        if self._host.phase is not Phase.READY or model is None:
            return NOT_LOADED.reason
        leaving = turns_to_compact(conversation) if conversation is not None else ()
        if conversation is None or not leaving:
            return "There is too little in the chat to summarise."
        cut = conversation.cut
        summary = cut.summary if cut is not None else ""
        known = cut.left_turn_id if cut is not None and summary else 0
        new = [turn for turn in leaving if turn.id > known]
        if not new:  # a repeated command asks for another summary of the same turns
            new, summary = list(leaving), ""
        around = 64 + (_TOKENS_OF_EXAMPLES if self._examples else 0)
        room = max((model.n_ctx - 2 * self._most_tokens - around) * _CHARACTERS_PER_TOKEN, 256)
        self._job = _Job(leaving[-1].id, _parts(new, room), summary)
        self._tell(CompactionChanged(is_running=True))
        self._ask(self._job)
        return ""

    async def handle(self, event: Event) -> bool:
        """Handle an event; return True if it was about the summary and no other part needs it."""
        job = self._job
        if (
            job is None
            or not isinstance(event, Delta | Finished | Failed)
            or event.id != job.request_id
        ):
            return False
        match event:
            case Delta(text=text, is_thinking=False):
                job.written.append(text)
            case Finished(stop_reason=reason):
                await self._finished(job, reason)
            case Failed(kind="context", died=False) if len(job.asked) > _SHORTEST_PART:
                middle = len(job.asked) // 2
                job.parts[:0] = [job.asked[:middle], job.asked[middle:]]
                self._ask(job)
            case Failed(died=False):
                self.give_up()
                self._tell(Trouble(f"The chat could not be summarised: {event.title}", event.hint))
            case _:
                return not isinstance(event, Failed)
        return True

    def stop(self) -> None:
        """Give up the summary; the engine confirms later that it is free."""
        if self._job is not None and self._host.phase is Phase.GENERATING:
            self._host.enter(Phase.STOPPING)
            self._host.send(Stop(id=self._job.request_id))
            self.give_up()

    def give_up(self) -> None:
        """Forget the summary: no more events about it will come."""
        if self._job is not None:
            self._job = None
            self._tell(CompactionChanged(is_running=False))

    @property
    def _most_tokens(self) -> int:
        n_ctx = self._host.model.n_ctx if self._host.model is not None else 0
        return min(_LONGEST_SUMMARY, n_ctx // 4)

    @property
    def _examples(self) -> tuple[Example, ...]:
        """The examples, or none if the context is too small for them."""
        n_ctx = self._host.model.n_ctx if self._host.model is not None else 0
        return _EXAMPLES if n_ctx >= _LEAST_CONTEXT_FOR_EXAMPLES else ()

    def _ask(self, job: _Job) -> None:
        text = job.asked = job.parts.pop(0)
        if job.summary:
            text = f"Summary of what came before:\n{job.summary}\n\n{text}"
        self._last_id -= 1  # turns have positive ids
        job.request_id = self._last_id
        job.written.clear()
        settings = self._settings()
        if self._host.phase is Phase.READY:
            self._host.enter(Phase.GENERATING)
        self._host.send(
            Generate(
                id=job.request_id,
                prompt=InstructPrompt(
                    instruction=_INSTRUCTION, input=text, examples=self._examples
                ),
                sampling=Sampling(
                    temperature=0.2, repeat_penalty=1.1, max_tokens=self._most_tokens
                ).over(settings.sampling),
                thinking=False,
            )
        )

    async def _finished(self, job: _Job, reason: StopReason) -> None:
        job.summary = "".join(job.written).strip() or job.summary
        if job.parts and reason is not StopReason.STOPPED:
            self._ask(job)
            return
        self.give_up()
        if not job.summary:
            self._tell(
                Trouble(
                    "The model wrote no summary", "The chat stays as it is. /compact tries again."
                )
            )
            return
        cut = ContextCut(job.left_turn_id, job.left_turn_id, job.summary)
        await move_context(self._timeline, cut, self._tell)


def _parts(turns: list[Turn], most_characters: int) -> list[str]:
    """Return the messages and replies as text, in parts of at most `most_characters`."""
    parts = [""]
    for turn in turns:
        for said in (f"User: {message_text(turn.request)}\n", f"Assistant: {turn.reply.text}\n\n"):
            for start in range(0, len(said), most_characters):
                piece = said[start : start + most_characters]
                if len(parts[-1]) + len(piece) > most_characters:
                    parts.append("")
                parts[-1] += piece
    return parts
