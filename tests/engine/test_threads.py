"""How many threads compute: the controller on simulated machines, and in the real worker."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.engine.worker.bindings import llama
from modechat.engine.worker.evaluation.batch import fill_batch
from modechat.engine.worker.evaluation.machine_load import LoadMeter, MachineLoad, usable_cpus
from modechat.engine.worker.evaluation.thread_controller import ThreadController
from modechat.engine.worker.evaluation.threads import DecodeThreads
from tests.engine.vocabularies import native_log
from tests.tiny_models import write_llama

COUNTS = [2, 3, 4, 6, 8, 16, 32, 64]
COLLAPSE = 8.0
"""Times slower with a thread more than there are idle cores."""
Seconds = Callable[[int], float]


def machine(n_cores: int, *, busy: int = 0, work: float = 0.16) -> Seconds:
    """Seconds of a decode by the count of threads, on a machine with some of its cores busy
    elsewhere.
    """

    def seconds(count: int) -> float:
        alone = work / count + 0.00001 * count
        return alone * (1 if count <= n_cores - busy else COLLAPSE)

    return seconds


Around = Callable[[int], MachineLoad]


def around(n_cores: int, *, busy: int = 0) -> Around:
    """What the system of `machine` says, by the threads that compute."""
    return lambda count: MachineLoad(others=busy, idle=max(0, n_cores - busy - count))


def saturated(useful: int) -> Seconds:
    """A machine whose memory feeds `useful` threads."""
    return lambda count: 0.1 / min(count, useful) * (1 + 0.03 * max(0, count - useful))


@dataclass
class Simulation:
    controller: ThreadController
    size: int = 1
    now: float = 0.0
    spent: float = 0.0
    counts: list[int] = field(default_factory=list)
    noise: Callable[[], float] = lambda: 1.0
    seen_at: float = 0.0

    def run(self, seconds: Seconds, decodes: int, around: Around | None = None) -> float:
        """Decode, and look around where there is something to see; the seconds that it took."""
        before = self.spent
        for _ in range(decodes):
            if around is not None and self.now - self.seen_at >= 0.25:
                self.controller.note_load(around(self.counts[-1] if self.counts else 0))
                self.seen_at = self.now
            self.counts.append(self.controller.count)
            took = seconds(self.counts[-1]) * self.noise() * self.size
            self.now += took
            self.spent += took
            self.controller.add(self.size, took, self.now)
        return self.spent - before


def best(seconds: Seconds, n_max: int) -> float:
    return min(seconds(count) for count in range(1, n_max + 1))


def simulation(n_max: int) -> Simulation:
    """Of generating."""
    return Simulation(ThreadController(n_max, evidence=5))


def prompts(n_max: int) -> Simulation:
    """Of evaluating prompts in batches of 128 tokens."""
    return Simulation(ThreadController(n_max, evidence=2, patience=5), size=128)


@pytest.mark.parametrize("n_max", COUNTS)
def test_a_quiet_machine_loses_less_than_three_hundredths(n_max: int) -> None:
    quiet = machine(n_max)
    run = simulation(n_max)
    run.run(quiet, 20)
    assert run.run(quiet, 1000) <= 1000 * best(quiet, n_max) * 1.03


@pytest.mark.parametrize("n_max", COUNTS)
def test_the_first_reply_on_a_quiet_machine_loses_little(n_max: int) -> None:
    quiet = machine(n_max)
    assert simulation(n_max).run(quiet, 100) <= 100 * best(quiet, n_max) * 1.06


@pytest.mark.parametrize("n_max", COUNTS)
@pytest.mark.parametrize("busy", [1, 2])
def test_a_machine_that_turns_busy_is_left_to_the_other_process_within_a_few_tokens(
    n_max: int, busy: int
) -> None:
    if busy >= n_max:
        pytest.skip("no core is left")
    run = simulation(n_max)
    run.run(machine(n_max), 200)
    loaded = machine(n_max, busy=busy)
    run.run(loaded, 12)
    assert sum(count <= n_max - busy for count in run.counts[-8:]) >= 6
    run.run(loaded, 30)
    assert run.run(loaded, 1000) <= 1000 * best(loaded, n_max) / 0.85


@pytest.mark.parametrize("n_max", COUNTS)
def test_a_machine_that_is_busy_from_the_start_is_found_out(n_max: int) -> None:
    loaded = machine(n_max, busy=1)
    run = simulation(n_max)
    run.run(loaded, 12)
    assert run.run(loaded, 500) <= 500 * best(loaded, n_max) / 0.85


@pytest.mark.parametrize("n_max", COUNTS)
def test_the_threads_come_back_when_the_machine_is_quiet_again(n_max: int) -> None:
    run = simulation(n_max)
    run.run(machine(n_max), 100)
    run.run(machine(n_max, busy=1), 300)
    quiet = machine(n_max)
    started = run.now
    while run.now - started < 12:
        run.run(quiet, 1)
    assert run.run(quiet, 300) <= 300 * best(quiet, n_max) * 1.05


@pytest.mark.parametrize("n_max", COUNTS)
def test_after_a_pause_the_machine_is_looked_at_anew(n_max: int) -> None:
    run = simulation(n_max)
    run.run(machine(n_max, busy=1), 500)
    run.now += 60
    quiet = machine(n_max)
    run.run(quiet, 25)
    assert run.run(quiet, 300) <= 300 * best(quiet, n_max) * 1.05


@pytest.mark.parametrize("useful", [1, 4, 6, 12])
def test_threads_that_the_memory_cannot_feed_are_left_out(useful: int) -> None:
    run = simulation(16)
    run.run(saturated(useful), 300)
    assert run.run(saturated(useful), 1000) <= 1000 * best(saturated(useful), 16) * 1.1


@pytest.mark.parametrize("n_max", COUNTS)
@pytest.mark.parametrize("seed", range(3))
def test_noise_of_a_third_does_not_mislead_it(n_max: int, seed: int) -> None:
    chance = random.Random(seed)
    run = simulation(n_max)
    run.noise = lambda: chance.uniform(0.7, 1.3)
    quiet, loaded = machine(n_max), machine(n_max, busy=1)
    assert run.run(quiet, 2000) <= 2000 * best(quiet, n_max) * 1.1
    run.run(loaded, 50)
    assert run.run(loaded, 2000) <= 2000 * best(loaded, n_max) / 0.85


@pytest.mark.parametrize("n_max", COUNTS)
def test_prompts_find_their_count_within_some_seconds(n_max: int) -> None:
    loaded = machine(n_max, busy=1, work=0.01)
    run = prompts(n_max)
    while run.now < 15:
        run.run(loaded, 1)
    assert run.run(loaded, 100) <= 100 * 128 * best(loaded, n_max) / 0.85


@pytest.mark.parametrize("n_max", COUNTS)
def test_short_prompts_with_pauses_between_them_lose_little_on_a_quiet_machine(n_max: int) -> None:
    quiet = machine(n_max, work=0.01)
    run = prompts(n_max)
    assert run.run(quiet, 4) <= 4 * 128 * quiet(n_max) * 1.001
    spent = 0.0
    for _ in range(100):
        run.now += 30
        spent += run.run(quiet, 4)
    assert spent <= 400 * 128 * quiet(n_max) * 1.03


@pytest.mark.parametrize("n_max", COUNTS)
def test_short_replies_with_pauses_between_them_lose_little_on_a_quiet_machine(n_max: int) -> None:
    quiet = machine(n_max)
    run = simulation(n_max)
    spent = 0.0
    for _ in range(30):
        run.now += 30
        spent += run.run(quiet, 40)
    assert spent <= 30 * 40 * best(quiet, n_max) * 1.03


@pytest.mark.parametrize("n_max", COUNTS)
def test_a_machine_that_is_seen_to_be_quiet_loses_next_to_nothing(n_max: int) -> None:
    quiet, sight = machine(n_max), around(n_max)
    run = simulation(n_max)
    run.run(quiet, 200, sight)
    assert run.run(quiet, 2000, sight) <= 2000 * best(quiet, n_max) * 1.005


@pytest.mark.parametrize("n_max", COUNTS)
def test_a_load_that_comes_and_goes_costs_less_than_a_second_each_time(n_max: int) -> None:
    quiet, loaded = machine(n_max, work=0.02), machine(n_max, busy=1, work=0.02)
    run = simulation(n_max)
    run.run(quiet, 200, around(n_max))
    for _ in range(4):
        for seconds, sight in ((loaded, around(n_max, busy=1)), (quiet, around(n_max))):
            changed = run.now
            while run.now - changed < 1.0:
                run.run(seconds, 1, sight)
            assert run.run(seconds, 20, sight) <= 20 * best(seconds, n_max) / 0.9
            while run.now - changed < 5.0:
                run.run(seconds, 1, sight)


@pytest.mark.parametrize("n_max", COUNTS)
def test_no_more_threads_are_tried_while_no_core_is_free(n_max: int) -> None:
    loaded, sight = machine(n_max, busy=1), around(n_max, busy=1)
    run = simulation(n_max)
    run.run(loaded, 100, sight)
    assert run.run(loaded, 2000, sight) <= 2000 * best(loaded, n_max) * 1.03
    assert max(run.counts[100:]) < n_max


@pytest.mark.parametrize("n_max", COUNTS)
def test_a_system_that_is_wrong_about_free_cores_costs_little(n_max: int) -> None:
    loaded, wrong = machine(n_max, busy=1), around(n_max)
    run = simulation(n_max)
    run.run(loaded, 100, wrong)
    assert run.run(loaded, 1000, wrong) <= 1000 * best(loaded, n_max) / 0.85


def test_fewer_threads_are_tried_again_when_other_processes_begin_to_compute() -> None:
    run = simulation(4)
    run.run(machine(4), 500, around(4))
    assert set(run.counts[-100:]) == {4}
    run.run(machine(4), 500, lambda _count: MachineLoad(others=0.5, idle=0.0))
    assert set(run.counts[-500:]) != {4}


def test_the_meter_tells_what_others_and_nobody_used() -> None:
    now, own, idle = 0.0, 0.0, 0.0
    meter = LoadMeter((0, 1, 2, 3), lambda: now, lambda: own, lambda _usable: idle)
    now = 0.1
    assert meter.measure() is None
    now, own, idle = 0.5, 0.5, 0.75
    assert meter.measure() == MachineLoad(others=1.5, idle=1.5)
    now, own, idle = 1.0, 2.5, 0.75  # counted unevenly: never below nothing
    assert meter.measure() == MachineLoad(others=0.0, idle=0.0)


def test_this_machine_says_what_it_does() -> None:
    meter = LoadMeter(usable_cpus())
    found = None
    while found is None:
        found = meter.measure()
    assert 0 <= found.others <= len(usable_cpus())
    assert 0 <= found.idle <= len(usable_cpus()) + 0.5


def test_batches_of_different_sizes_are_not_compared() -> None:
    run = simulation(8)
    quiet = machine(8)
    for _ in range(300):
        for size, price in ((1, 1.0), (4, 0.8), (12, 0.66)):
            run.size = size
            run.run(lambda count, price=price: quiet(count) * price, 1)  # type: ignore[misc]
    assert run.counts[-100:].count(8) >= 90


@given(
    n_max=st.integers(2, 64),
    evidence=st.sampled_from([2, 5]),
    decodes=st.lists(
        st.tuples(st.sampled_from([1, 2, 7, 40, 128]), st.floats(1e-6, 100)), max_size=300
    ),
)
def test_whatever_the_times_are_the_count_stays_in_its_range_and_the_same_for_the_same(
    n_max: int, evidence: int, decodes: list[tuple[int, float]]
) -> None:
    both = [ThreadController(n_max, evidence) for _ in range(2)]
    now = 0.0
    for n_tokens, seconds in decodes:
        now += seconds
        for controller in both:
            controller.add(n_tokens, seconds, now)
            assert 1 <= controller.count <= n_max
        assert both[0].count == both[1].count


# In llama.cpp


@pytest.mark.parametrize(
    ("adapts", "is_held", "used"),
    [(True, False, [4, 4, 4, 3]), (False, False, [4, 4, 4, 4]), (True, True, [4, 4, 4, 4])],
    ids=["adapted", "fixed by the user", "kept for a reply that must be reproducible"],
)
def test_decodes_run_with_the_count_that_was_decided_unless_it_must_stay(
    adapts: bool, is_held: bool, used: list[int], tmp_path: Path
) -> None:
    native_log()
    path = write_llama(tmp_path / "tiny.gguf")
    model = llama.llama_model_load_from_file(str(path).encode(), llama.llama_model_default_params())
    assert model is not None
    params = llama.llama_context_default_params()
    params.n_threads = params.n_threads_batch = 4
    context = llama.llama_init_from_model(model, params)
    assert context is not None
    batch = llama.llama_batch_init(1, 0, 1)
    threads = DecodeThreads(context, adapts=adapts)
    counts = []
    with threads.held(is_held=is_held):
        for position in range(len(used)):
            fill_batch(batch, [65], position, 0)
            assert threads.run(llama.llama_decode, batch) == 0
            counts.append(llama.llama_n_threads(context))
    assert counts == used
    llama.llama_batch_free(batch)
    llama.llama_free(context)
    llama.llama_model_free(model)
