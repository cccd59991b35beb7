"""Guessing from repetitions: the reply is the same, only sooner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.domain.mode import Mode
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import Failed, InstructPrompt, Load, Loaded
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.evaluation.batch import MOST_OUTPUTS, Logits
from modechat.engine.worker.evaluation.lanes import Lanes
from modechat.engine.worker.model import LoadedModel
from modechat.engine.worker.writing.decoding import TokenGuesser, decode
from modechat.engine.worker.writing.draft_model import DraftModel, ModelGuesser
from modechat.engine.worker.writing.sampler import SamplerChain
from modechat.engine.worker.writing.speculation import (
    CostCurve,
    Draft,
    Guesser,
    GuessPolicy,
    NGramIndex,
    NoGuesses,
)
from tests.cpu_extras import cpu_extras
from tests.engine.driver import formats, running_engine
from tests.engine.loaded import Writer, loaded_model, memory_of
from tests.tiny_models import write_endless, write_llama, write_sliding

GREEDY = Sampling(temperature=0, repeat_penalty=1.0)
PROMPT = [65 + i % 5 for i in range(40)]
SMALL_ALPHABET = st.lists(st.integers(0, 3), max_size=80)


@given(SMALL_ALPHABET)
def test_the_index_finds_the_longest_of_the_newest_runs(tokens: list[int]) -> None:
    place, length = NGramIndex(tokens).find()
    runs = [
        next(
            (
                n
                for n in range(32)
                if n >= end or tokens[end - n - 1] != tokens[len(tokens) - n - 1]
            ),
            32,
        )
        for end in range(len(tokens))
    ]
    longest = max((run for run in runs if run >= 3), default=0)
    assert length <= longest
    if length:
        assert 3 <= place < len(tokens)
        assert tokens[place - length : place] == tokens[-length:]
    else:
        assert longest == 0


@given(
    st.floats(0.01, 1), st.lists(st.tuples(st.integers(1, 32), st.floats(0.001, 1)), max_size=30)
)
def test_costs_are_positive_and_one_token_costs_one(
    slope: float, observed: list[tuple[int, float]]
) -> None:
    costs = CostCurve(slope)
    for n_tokens, seconds in observed:
        costs.observe(n_tokens, seconds)
    assert costs.cost(1) == pytest.approx(1)
    assert all(costs.cost(n) > 0 for n in range(1, 40))


def learned(cost_of: Callable[[int], float]) -> CostCurve:
    costs = CostCurve(0.7)
    for n_tokens in range(1, MOST_OUTPUTS + 1):
        costs.observe(n_tokens, 0.01 * cost_of(n_tokens))
    return costs


def test_nothing_is_guessed_where_a_batch_costs_as_much_as_its_tokens() -> None:
    policy = GuessPolicy(learned(float))
    assert [policy.n_guesses(length, 31) for length in (3, 8, 16, 32)] == [0, 0, 0, 0]


def test_much_is_guessed_where_a_batch_costs_little() -> None:
    policy = GuessPolicy(learned(lambda n: 1 + 0.02 * (n - 1)))
    assert policy.n_guesses(32, 31) >= 15
    assert policy.n_guesses(32, 4) <= 4


def test_guesses_that_are_wrong_become_fewer() -> None:
    policy = GuessPolicy(learned(lambda n: 1 + 0.3 * (n - 1)))
    before = policy.n_guesses(16, 31)
    for _ in range(12):
        policy.record(16, 8, 0)
    assert before > 0
    assert policy.n_guesses(16, 31) == 0


class Wild(Guesser):
    """Guesses a lot, right or wrong: parts of the text so far, changed at the end."""

    def guess(self, limit: int) -> Draft:
        tokens = self._index.tokens
        count = min(limit, len(tokens) % 7)
        return Draft((*tokens[: max(0, count - 1)], *tokens[-1:])[:limit], 5)


@pytest.fixture(scope="module", params=[write_llama, write_sliding])
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LoadedModel]:
    with loaded_model(
        request.param(tmp_path_factory.mktemp("models") / "tiny.gguf"), 512
    ) as loaded:
        yield loaded


def write(
    model: LoadedModel, prompt: list[int], sampling: Sampling, guesser: TokenGuesser, count: int
) -> list[int]:
    memory = memory_of(model)
    handle = llama.llama_get_memory(memory.context)
    assert handle is not None
    llama.llama_memory_clear(handle, True)
    lanes = Lanes(memory)
    lanes.reuse(Mode.CHAT, prompt)
    lanes.evaluate(Mode.CHAT, prompt, lambda _count: None)
    written = []
    with (
        SamplerChain(memory.context, sampling, 7, model.vocabulary.n_tokens, prompt) as sampler,
        closing(decode(lanes, Mode.CHAT, sampler, guesser)) as tokens,
    ):
        for token in tokens:
            written.append(token)
            if len(written) >= count:
                break
    lane = next(lane for lane in lanes.lanes if lane.tokens)
    assert (
        lane.tokens == [*prompt, *written][: len(lane.tokens)]
    )  # no wrong guess stays in the cache
    assert len(lane.tokens) == llama.llama_memory_seq_pos_max(handle, lane.sequence) + 1
    return written


@pytest.mark.parametrize("count", [1, 2, 3, 17, 60])
def test_guesses_never_change_what_is_written(model: LoadedModel, count: int) -> None:
    plain = write(model, PROMPT, GREEDY, NoGuesses(), count)
    assert write(model, PROMPT, GREEDY, Wild(GuessPolicy(CostCurve(0.1)), PROMPT), count) == plain


def test_the_sampler_draws_as_often_with_guesses_as_without(model: LoadedModel) -> None:
    """So that the same seed gives the same reply."""
    sampling = Sampling(temperature=1, top_k=0, top_p=1.0, min_p=0.0, repeat_penalty=1.0)
    plain = write(model, PROMPT, sampling, NoGuesses(), 12)
    assert write(model, PROMPT, sampling, Wild(GuessPolicy(CostCurve(0.1)), PROMPT), 12) == plain


def test_wrong_guesses_that_were_taken_back_leave_no_trace(model: LoadedModel) -> None:
    reply = write(model, PROMPT, GREEDY, NoGuesses(), 100)

    def results(n_wrong: Callable[[int], int]) -> list[list[float]]:
        memory = memory_of(model)
        lanes, found = Lanes(memory), []
        lanes.reuse(Mode.CHAT, PROMPT)
        lanes.evaluate(Mode.CHAT, PROMPT, lambda _count: None)
        for index, token in enumerate(reply):
            wrong = [70] * n_wrong(index)
            lanes.evaluate(Mode.CHAT, [token, *wrong], lambda _count: None, Logits.ALL)
            found.append(Writer(model, lanes).logits(0))
            lanes.take_back(Mode.CHAT, len(wrong))
        return found

    without, with_wrong = results(lambda _index: 0), results(lambda index: index % 6)
    for plain, other in zip(without, with_wrong, strict=True):
        # Batches of other sizes are rounded in another way, nothing more.
        assert max(abs(a - b) for a, b in zip(plain, other, strict=True)) < 0.01 * (
            max(plain) - min(plain)
        )


# A draft model


@pytest.mark.parametrize(("seed", "is_right"), [(0, True), (5, False)])
def test_a_draft_model_never_changes_what_is_written(
    seed: int, is_right: bool, tmp_path: Path
) -> None:
    with (
        loaded_model(write_llama(tmp_path / "model.gguf"), 512) as model,
        loaded_model(write_llama(tmp_path / "draft.gguf", seed=seed), 512) as draft,
    ):
        plain = write(model, PROMPT, GREEDY, NoGuesses(), 60)
        guesser = ModelGuesser(
            GuessPolicy(learned(lambda n: 1 + 0.01 * n)),
            PROMPT,
            DraftModel(draft, model.vocabulary),
        )
        assert write(model, PROMPT, GREEDY, guesser, 60) == plain
        assert guesser.n_guessed > 0
        assert (guesser.n_right > guesser.n_guessed / 2) == is_right


async def test_a_draft_model_with_another_vocabulary_is_refused(
    starter: Path, tmp_path: Path
) -> None:
    async with running_engine() as driver:
        load = Load(
            model_path=str(write_llama(tmp_path / "tiny.gguf")),
            n_gpu_layers=0,
            n_threads=1,
            formats=formats(),
            draft_path=str(starter),
        )
        answer: Loaded | Failed = await driver.ask(load, Loaded | Failed)
    assert isinstance(answer, Failed)
    assert "vocabulary" in answer.title


async def drafted_tokens(
    model: Path, sampling: Sampling, speculate: Literal[True, "always"] = True
) -> int:
    """Tokens that a draft model guessed for one reply: the model guesses for itself."""
    async with running_engine() as driver:
        load = Load(
            model_path=str(model),
            n_gpu_layers=0,
            n_threads=1,
            formats=formats(),
            draft_path=str(model),
            speculate=speculate,
        )
        assert isinstance(await driver.ask(load, Loaded | Failed), Loaded)
        answer = await driver.generate(InstructPrompt(instruction="Go on"), sampling)
        return answer.finished.stats.drafted_tokens


async def test_the_worker_guesses_with_a_draft_model(tmp_path: Path) -> None:
    model = write_endless(tmp_path / "endless.gguf")
    assert await drafted_tokens(model, Sampling(max_tokens=100)) > 0


REPRODUCIBLE = [Sampling(temperature=0, max_tokens=100), Sampling(seed=1, max_tokens=100)]


@pytest.mark.parametrize("sampling", REPRODUCIBLE, ids=["greedy", "seeded"])
async def test_greedy_and_seeded_replies_make_no_guesses_unless_the_user_wants_them(
    sampling: Sampling, tmp_path: Path
) -> None:
    model = write_llama(tmp_path / "tiny.gguf", n_ctx_train=1024)
    assert await drafted_tokens(model, sampling) == 0
    assert await drafted_tokens(model, sampling, "always") > 0


COPY = InstructPrompt(
    instruction="Repeat the text exactly.",
    input="The quick brown fox jumps over the lazy dog. " * 3
    + "Pack my box with five dozen liquor jugs.",
)


@pytest.mark.real_model
async def test_the_starter_model_copies_with_guesses_that_are_right(starter: Path) -> None:
    async def answer(*, speculate: Literal[True, False, "always"]) -> tuple[str, int, int]:
        async with running_engine() as driver:
            load = Load(
                model_path=str(starter),
                n_ctx=1024,
                n_gpu_layers=0,
                formats=formats(),
                speculate=speculate,
                cpu_extras=cpu_extras(),
            )
            driver.engine.send(load)
            reply = await driver.generate(COPY, Sampling(temperature=0, max_tokens=48))
            stats = reply.finished.stats
            return reply.text, stats.drafted_tokens, stats.accepted_tokens

    text, drafted, accepted = await answer(speculate="always")
    plain, none, _ = await answer(speculate=False)
    assert text == plain
    assert none == 0
    assert accepted > drafted // 2 > 0
    assert await answer(speculate=True) == (plain, 0, 0)
