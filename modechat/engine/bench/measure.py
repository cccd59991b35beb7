"""Measures a model through the engine, as a front end does, next to llama.cpp's own loop.

The loop runs in the same worker on the same context (`worker/raw_loop.py`), by turns with modechat.
Medians count, because machines are noisy. Modechat's times are measured here, at the far end of the
pipe. All seconds are wall-clock, all speeds tokens a second.
"""

from __future__ import annotations

import statistics
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from modechat.domain.conversation import Message, Role
from modechat.domain.sampling import Sampling
from modechat.engine.bench.connection import TimedConnection
from modechat.engine.bench.results import BenchResult, Effort, Turn
from modechat.engine.bench.texts import COPY, STORY, TextMaker, prose
from modechat.engine.protocol import ChatPrompt, Engine, InstructPrompt, Load
from modechat.errors import EngineError

_ENOUGH_TO_SAVE = 400
"""Tokens of a chat that is long enough to be saved on disk."""
# At temperature 0 nothing is guessed by default: guesses might change the reply.
_FAITHFUL = Sampling(temperature=0.2, stop_repetition=False)
_LEAST_REPLY = 8
"""Tokens that give a reliable speed."""
_LEAST_COPIED = 64
"""Tokens; shorter texts give nothing to guess from."""


async def measure(
    make_engine: Callable[[], Engine],
    load: Load,
    effort: Effort,
    on_progress: Callable[[str, float], None],
    tell: Callable[[str], None],
) -> BenchResult:
    """Measure the model of `load`, which names an empty folder for evaluated conversations.

    `make_engine` returns a new engine that is not started. `on_progress` gets the name of the
    current measurement, and the part that is done (0 to 1). `tell` gets what else the user should
    know. Raises ModechatError.
    """
    return await _Bench(make_engine, load, effort, on_progress, tell).run()


@dataclass(slots=True)
class _Bench:
    make_engine: Callable[[], Engine]
    load: Load
    effort: Effort
    on_progress: Callable[[str, float], None]
    tell: Callable[[str], None]
    _texts: TextMaker = field(default_factory=TextMaker)
    _done: int = 0
    """The measurements that are done."""

    async def run(self) -> BenchResult:
        async with self._engine("Loading the model") as engine:
            model, seconds_load = engine.model, engine.seconds_load
            await self._calibrate(engine)
            effort = await self._affordable(engine)
            raw, ours = await self._pairs(engine, effort)
            turns = await self._growing_chat(engine, effort)
            copying = await self._guessing(engine, effort, self._copying_task(effort))
            other = await self._guessing(engine, effort, InstructPrompt(instruction=STORY))
            n_resumed = effort.resume if effort.resume >= _ENOUGH_TO_SAVE else 0
            if n_resumed:
                for number in range(effort.resumes):
                    await self._evaluate_and_save(engine, effort, number)
        resume = await self._resume(effort) if n_resumed else None
        raw_pp, raw_tg = (statistics.median(speeds) for speeds in zip(*raw, strict=True))
        modechat_pp, modechat_tg = (statistics.median(speeds) for speeds in zip(*ours, strict=True))
        return BenchResult(
            model=model.name,
            device=str(model.placement),
            n_ctx=model.n_ctx,
            raw_pp=raw_pp,
            raw_tg=raw_tg,
            modechat_pp=modechat_pp,
            modechat_tg=modechat_tg,
            pp_ratio=modechat_pp / raw_pp,
            tg_ratio=modechat_tg / raw_tg,
            first_token_series=turns,
            switch_evaluated_tokens=_cost_of_a_switch(turns),
            resume_tokens=n_resumed,
            resume_ratio=resume,
            speculation_ratio=copying,
            speculation_other_ratio=other,
            seconds_load=seconds_load,
        )

    @asynccontextmanager
    async def _engine(self, what: str) -> AsyncIterator[TimedConnection]:
        self._step(what)
        engine = self.make_engine()
        engine.start()
        try:
            yield await TimedConnection.load(engine, self.load, self.tell)
        finally:
            await engine.close()

    def _step(self, what: str) -> None:
        effort = self.effort
        n_steps = 6 * effort.pairs + effort.turns + 3 * effort.resumes + 4
        self.on_progress(what, min(self._done / n_steps, 1.0))
        self._done += 1

    # How much

    async def _calibrate(self, engine: TimedConnection) -> None:
        """Find out how many tokens words make in this model's format. Raises ModechatError."""
        self._step("Trying the model")
        await engine.measure_raw(_chat(prose(0, 1)), 2)
        few = await engine.tokens(_chat(prose(0, 1)))
        many = await engine.tokens(_chat(prose(0, 101)))
        self._texts = TextMaker((len(many) - len(few)) / 100, len(few))

    async def _affordable(self, engine: TimedConnection) -> Effort:
        """Return sizes that fit this context and that this machine manages within the time."""
        effort, n_ctx = self.effort, engine.model.n_ctx
        prompt = _chat(self._texts.make(0, min(effort.prompt, n_ctx // 4)))
        trial = await engine.generate(prompt, 16, speculate=False)
        n_prompt, n_reply = round(effort.seconds * trial.prompt_speed), effort.reply
        if trial.completion_tokens > 1:
            n_reply = round(effort.seconds * trial.speed)
        reply = min(effort.reply, max(n_reply, 4 * _LEAST_REPLY), n_ctx // 4)
        return Effort(
            pairs=effort.pairs,
            prompt=max(min(effort.prompt, n_prompt, n_ctx // 4), 32),
            reply=reply,
            turns=effort.turns,
            turn=max(min(effort.turn, n_prompt, n_ctx // 2 // effort.turns), 16),
            resumes=effort.resumes,
            resume=min(effort.resume, max(n_prompt, _ENOUGH_TO_SAVE), n_ctx // 2),
            seconds=effort.seconds,
        )

    # modechat and the raw loop

    async def _pairs(
        self, engine: TimedConnection, effort: Effort
    ) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        """Return the speeds of prompt and generation, first of the raw loop, then of modechat."""
        raw, ours = [], []
        for number in range(2 * effort.pairs):
            self._step("Prompt and generation, modechat and llama.cpp by turns")
            prompt = _chat(f"{self._texts.make(number, effort.prompt)}\n\n{STORY}")
            our = await engine.generate(prompt, effort.reply, speculate=False)
            if our.completion_tokens < _LEAST_REPLY:
                continue  # it had nothing to say
            their = await engine.measure_raw(prompt, our.completion_tokens)
            ours.append((our.prompt_speed, our.speed))
            generation_speed = their.generated_tokens / their.seconds_generation
            raw.append((their.prompt_tokens / their.seconds_prompt, generation_speed))
            if len(raw) == effort.pairs:
                break
        if not raw:
            raise EngineError(
                "The model ends its replies too soon to measure how fast it writes",
                "Measure another one: modechat bench --model PATH",
            )
        self._done = 2 * effort.pairs + 2
        return raw, ours

    # A chat that grows, with tasks in between

    async def _growing_chat(self, engine: TimedConnection, effort: Effort) -> tuple[Turn, ...]:
        messages: list[Message] = []
        turns: list[Turn] = []
        n_known = 0
        for number in range(effort.turns):
            self._step("A chat that grows, with changes of mode")
            is_after_switch = number % 2 == 0 and number > 0
            if is_after_switch:
                task = self._texts.make(500 + number, effort.turn)
                await engine.generate(InstructPrompt(instruction=task), 8)
            messages.append(Message(Role.USER, self._texts.make(100 + number, effort.turn)))
            answer = await engine.generate(
                ChatPrompt(messages=tuple(messages)), 12, speculate=False
            )
            messages.append(Message(Role.ASSISTANT, answer.text or "…"))
            again = max(0, n_known - answer.stats.reused_tokens)
            n_prompt = answer.stats.prompt_tokens
            seconds = answer.seconds_to_first_token
            turns.append(Turn(n_prompt, seconds, again, is_after_switch))
            n_known = n_prompt + answer.evaluated_reply_tokens
        return tuple(turns)

    # Guesses

    def _copying_task(self, effort: Effort) -> InstructPrompt:
        return InstructPrompt(
            instruction=COPY, input=self._texts.make(900, max(effort.reply, _LEAST_COPIED))
        )

    async def _guessing(
        self, engine: TimedConnection, effort: Effort, task: InstructPrompt
    ) -> float | None:
        """Return the speed with guesses, relative to that without. The first pair only warms up."""
        ratios = []
        for _ in range(effort.pairs + 1):
            self._step("Guessing what comes next")
            with_guesses = await engine.generate(task, effort.reply, sampling=_FAITHFUL)
            without = await engine.generate(task, effort.reply, speculate=False, sampling=_FAITHFUL)
            if min(with_guesses.completion_tokens, without.completion_tokens) >= _LEAST_REPLY:
                ratios.append(with_guesses.speed / without.speed)
        return statistics.median(ratios[1:]) if len(ratios) > 1 else None

    # Resuming

    def _long_chat(self, effort: Effort, number: int) -> ChatPrompt:
        return _chat(self._texts.make(1000 + number, effort.resume))

    async def _evaluate_and_save(
        self, engine: TimedConnection, effort: Effort, number: int
    ) -> None:
        self._step("Resuming a chat: evaluating it")
        await engine.generate(self._long_chat(effort, number), 2, conversation=f"bench {number}")
        await engine.save()

    async def _resume(self, effort: Effort) -> float | None:
        """Return the time to the first token of chats from disk, relative to that of new chats.

        Both are measured by turns, in a new worker.
        """
        ratios = []
        async with self._engine("Resuming a chat: loading the model again") as engine:
            for number in range(effort.resumes):
                self._step("Resuming a chat: from disk, and another by evaluating")
                resumed = await engine.generate(
                    self._long_chat(effort, number), 2, conversation=f"bench {number}"
                )
                other = await engine.generate(self._long_chat(effort, effort.resumes + number), 2)
                if resumed.stats.restored_tokens:
                    ratios.append(resumed.seconds_to_first_token / other.seconds_to_first_token)
        return statistics.median(ratios) if ratios else None


def _chat(text: str) -> ChatPrompt:
    return ChatPrompt(messages=(Message(Role.USER, text),))


def _cost_of_a_switch(turns: tuple[Turn, ...]) -> int:
    """Return how many more tokens the turns after a switch evaluate again than the other turns."""
    after = [turn.evaluated_again for turn in turns if turn.is_after_switch]
    others = [turn.evaluated_again for turn in turns[1:] if not turn.is_after_switch]
    if not after or not others:
        return 0
    return max(0, round(statistics.median(after) - statistics.median(others)))
