"""Whatever is asked in whatever order: lanes give the answers of evaluating everything from the
start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modechat.domain.mode import Mode
from modechat.domain.sequences import common_prefix_length
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.evaluation.lanes import Lanes
from modechat.engine.worker.evaluation.memory import Memory
from modechat.engine.worker.model import LoadedModel
from tests.engine.loaded import Writer, loaded_model, memory_of
from tests.examples import examples
from tests.tiny_models import write_hybrid, write_llama, write_recurrent, write_sliding

N_CTX = 1024
N_REPLY = 4
KINDS: dict[str, Callable[..., Path]] = {
    "attention": write_llama,
    "sliding": write_sliding,
    "hybrid": write_hybrid,
    "recurrent": write_recurrent,
}


@pytest.fixture(scope="module", params=KINDS)
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LoadedModel]:
    with loaded_model(
        KINDS[request.param](tmp_path_factory.mktemp("models") / "tiny.gguf"), N_CTX
    ) as loaded:
        yield loaded


@dataclass(frozen=True)
class Turn:
    """A prompt that goes on from an earlier prompt and its reply, after the first `share` of
    them.
    """

    mode: Mode
    origin: int
    share: float
    new: int
    """How many tokens are new."""
    seed: int

    def prompt(self, said: list[list[int]]) -> list[int]:
        origin = said[self.origin % len(said)]
        letters = Random(self.seed)
        new = [
            letters.randrange(32, 127) for _ in range(self.new)
        ]  # ids of the tiny models' letters
        return [*origin[: round(len(origin) * self.share)], *new][: N_CTX - N_REPLY]


TURNS = st.lists(
    st.builds(
        Turn,
        st.sampled_from(Mode),
        st.integers(0, 20),
        st.sampled_from([0.0, 0.3, 0.7, 0.95, 1.0, 1.0, 1.0]),
        st.one_of(st.integers(1, 20), st.integers(1, 200)),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=12,
)


@dataclass(frozen=True)
class Asked:
    mode: Mode
    prompt: list[int]
    logits: list[float]
    reply: list[int]


def ask(turns: list[Turn], writer: Writer) -> Iterator[Asked]:
    said: list[list[int]] = [[]]
    for turn in turns:
        prompt = turn.prompt(said)
        if len(prompt) < 2:
            continue
        logits, reply = writer.write(turn.mode, prompt, N_REPLY)
        said.append([*prompt, *reply])
        yield Asked(turn.mode, prompt, logits, reply)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TURNS)
def test_results_are_those_of_evaluating_everything(model: LoadedModel, turns: list[Turn]) -> None:
    memory = memory_of(model)
    clear(memory)
    asked = list(ask(turns, Writer(model, Lanes(memory))))
    for one in asked:
        clear(memory)
        logits, _ = Writer(model, Lanes(memory)).write(one.mode, one.prompt, 1)
        # Batches of other sizes are rounded in another way, nothing more.
        assert max(abs(a - b) for a, b in zip(logits, one.logits, strict=True)) < 0.02 * (
            max(logits) - min(logits)
        )


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TURNS)
def test_only_what_no_lane_has_is_evaluated(model: LoadedModel, turns: list[Turn]) -> None:
    """With an ordinary KV cache: what a prompt shares with the one before it in its mode is never
    evaluated again, as long as both modes have room.
    """
    memory = memory_of(model)
    if not memory.can_be_cut:
        return
    clear(memory)
    lanes = Lanes(memory)
    before: dict[Mode, list[int]] = {}
    for one in ask(turns, Writer(model, lanes)):
        shared = common_prefix_length(before.get(one.mode, []), one.prompt[:-1])
        if sum(map(len, before.values())) + len(one.prompt) + N_REPLY < N_CTX:
            assert lanes.n_evaluated <= len(one.prompt) - shared + N_REPLY - 1
        lanes.n_evaluated = 0
        before[one.mode] = [*one.prompt, *one.reply[:-1]]


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TURNS)
def test_lanes_know_exactly_what_the_cache_holds(model: LoadedModel, turns: list[Turn]) -> None:
    memory = memory_of(model)
    clear(memory)
    lanes = Lanes(memory)
    handle = llama.llama_get_memory(memory.context)
    assert handle is not None
    for _ in ask(turns, Writer(model, lanes)):
        for lane in lanes.lanes:
            assert llama.llama_memory_seq_pos_max(handle, lane.sequence) == len(lane.tokens) - 1


def clear(memory: Memory) -> None:
    handle = llama.llama_get_memory(memory.context)
    assert handle is not None
    llama.llama_memory_clear(handle, True)
