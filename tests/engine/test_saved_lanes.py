"""Chats that were evaluated come back from disk, and nothing wrong ever does."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from modechat.domain.sampling import Sampling
from modechat.engine.protocol import Generate, InstructPrompt, Load, Loaded, SaveLanes, Shutdown
from modechat.engine.saved_states import SavedState, SavedStates
from modechat.engine.worker.evaluation.saved_lanes import SavedLanes
from tests.engine.driver import Answer, chat, formats, running_engine
from tests.tiny_models import write_hybrid, write_llama, write_recurrent, write_sliding

LIMITED = Sampling(temperature=0, max_tokens=12)
LONG = "Tell me more. " * 40  # 560 tokens of the tiny models
CONVERSATION = "7"


def load_of(model: Path, folder: Path, **changes: object) -> Load:
    fields: dict[str, object] = {
        "model_path": str(model),
        "n_ctx": 1024,
        "n_gpu_layers": 0,
        "n_threads": 1,
        "formats": formats(),
        "state_folder": str(folder),
    }
    return Load.model_validate(fields | changes)


async def chat_then_quit(load: Load, text: str = LONG, *, leave: bool = False) -> Answer:
    """A chat of one turn in a worker of its own, which keeps it when it ends, or when the chat is
    left.
    """
    async with running_engine() as driver:
        assert isinstance(await driver.ask(load, Loaded), Loaded)
        answer = await driver.generate(chat(text), LIMITED, conversation=CONVERSATION)
        if leave:
            driver.engine.send(SaveLanes())
            await driver.generate(InstructPrompt(instruction="Hello"), LIMITED)
        return answer


KINDS: tuple[Callable[..., Path], ...] = (write_llama, write_sliding, write_hybrid, write_recurrent)


@pytest.mark.parametrize("write", KINDS)
async def test_a_resumed_chat_goes_on_as_if_it_had_never_been_left(
    write: Callable[[Path], Path], tmp_path: Path
) -> None:
    load = load_of(write(tmp_path / "tiny.gguf"), tmp_path / "states")
    first = await chat_then_quit(load)

    async def next_turn(load: Load) -> Answer:
        async with running_engine() as driver:
            await driver.ask(load, Loaded)
            prompt = chat(LONG, first.text, "And then?")
            return await driver.generate(prompt, LIMITED, conversation=CONVERSATION)

    resumed = await next_turn(load)
    fresh = await next_turn(load_of(Path(load.model_path), tmp_path / "elsewhere"))
    assert resumed.text == fresh.text
    stats = resumed.finished.stats
    if write is write_llama or write is write_sliding:
        assert stats.restored_tokens >= first.finished.stats.prompt_tokens
    assert stats.restored_tokens <= stats.reused_tokens


async def test_a_chat_that_is_left_is_kept_before_the_program_ends(tmp_path: Path) -> None:
    load = load_of(write_llama(tmp_path / "tiny.gguf"), tmp_path / "states")
    await chat_then_quit(load, leave=True)
    assert len(list((tmp_path / "states").glob("*.json"))) == 1


async def restored(load: Load, text: str = LONG) -> int:
    """How many tokens of the same chat come from disk in a new worker."""
    async with running_engine() as driver:
        await driver.ask(load, Loaded)
        answer = await driver.generate(chat(text), LIMITED, conversation=CONVERSATION)
        return answer.finished.stats.restored_tokens


async def test_the_same_model_and_settings_find_it(tmp_path: Path) -> None:
    load = load_of(write_llama(tmp_path / "tiny.gguf"), tmp_path / "states")
    await chat_then_quit(load)
    assert await restored(load) > 500


@pytest.mark.parametrize("changes", [{"kv_type": "bf16"}, {"flash_attention": "off"}])
async def test_other_settings_do_not(changes: dict[str, object], tmp_path: Path) -> None:
    model = write_llama(tmp_path / "tiny.gguf")
    await chat_then_quit(load_of(model, tmp_path / "states"))
    assert await restored(load_of(model, tmp_path / "states", **changes)) == 0


async def test_another_model_does_not(tmp_path: Path) -> None:
    await chat_then_quit(load_of(write_llama(tmp_path / "tiny.gguf"), tmp_path / "states"))
    other = write_llama(tmp_path / "other.gguf", seed=1)
    assert await restored(load_of(other, tmp_path / "states")) == 0


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGE: tuple[tuple[str, Callable[[Path], object]], ...] = (
    ("*.state", flip_a_byte),
    ("*.state", lambda path: path.write_bytes(path.read_bytes()[:1000])),
    ("*.state", Path.unlink),
    ("*.json", lambda path: path.write_bytes(path.read_bytes()[:1000])),
    ("*.json", lambda path: path.write_text("[]")),
    ("*.json", lambda path: path.write_bytes(b"\xff\xfe\x00")),
)


@pytest.mark.parametrize(("files", "damage"), DAMAGE)
async def test_a_damaged_file_is_as_good_as_none(
    files: str, damage: Callable[[Path], object], tmp_path: Path
) -> None:
    load = load_of(write_llama(tmp_path / "tiny.gguf"), tmp_path / "states")
    first = await chat_then_quit(load)
    for path in (tmp_path / "states").glob(files):
        damage(path)

    async with running_engine() as driver:
        await driver.ask(load, Loaded)
        answer = await driver.generate(chat(LONG), LIMITED, conversation=CONVERSATION)
    assert answer.text == first.text
    assert answer.finished.stats.restored_tokens == 0


async def test_a_file_that_cannot_be_removed_ends_nothing(tmp_path: Path) -> None:
    load = load_of(write_llama(tmp_path / "tiny.gguf"), tmp_path / "states")
    await chat_then_quit(load)
    state = next((tmp_path / "states").glob("*.state"))
    state.unlink()
    state.mkdir()
    assert await restored(load) == 0


async def test_a_model_that_changed_in_the_middle_is_another_one(tmp_path: Path) -> None:
    model = write_llama(tmp_path / "tiny.gguf")
    await chat_then_quit(load_of(model, tmp_path / "states"))
    flip_a_byte(model)
    assert await restored(load_of(model, tmp_path / "states")) == 0


async def test_instruct_turns_and_unnamed_chats_leave_nothing_on_disk(tmp_path: Path) -> None:
    load = load_of(write_llama(tmp_path / "tiny.gguf"), tmp_path / "states")

    async with running_engine() as driver:
        await driver.ask(load, Loaded)
        await driver.generate(chat(LONG), LIMITED)
        request = Generate(
            id=9,
            prompt=InstructPrompt(instruction=LONG),
            sampling=LIMITED,
            conversation=CONVERSATION,
        )
        driver.engine.send(request)
        driver.engine.send(Shutdown())
    assert not (tmp_path / "states").exists()


# The files themselves


def keep(states: SavedStates, label: str, size: int, tokens: tuple[int, ...] = (1, 2, 3)) -> bool:
    path = states.begin(label, "model", size)
    if path is None:
        return False
    path.write_bytes(b"x" * size)
    states.complete(label, "model", tokens)
    return True


def test_states_are_private(tmp_path: Path) -> None:
    states = SavedStates(tmp_path / "states", 1000)
    assert keep(states, "a", 10)
    assert stat.S_IMODE((tmp_path / "states").stat().st_mode) == 0o700
    assert all(
        stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (tmp_path / "states").iterdir()
    )


def labels(states: SavedStates) -> set[str]:
    return {state.label for state in states.of("model")}


def test_the_least_recently_used_states_make_way(tmp_path: Path) -> None:
    states = SavedStates(tmp_path, 250)
    keep(states, "a", 100)
    keep(states, "b", 100)
    first = next(state for state in states.of("model") if state.label == "a")
    assert states.path(first) is not None  # it is used
    keep(states, "c", 100)
    assert labels(states) == {"a", "c"}
    assert not keep(states, "too large", 251)
    assert labels(states) == {"a", "c"}


def test_a_stop_ends_the_reading_of_a_state_and_removes_nothing(tmp_path: Path) -> None:
    states = SavedStates(tmp_path, 1000)
    keep(states, "a", 100)
    (state,) = states.of("model")
    assert states.path(state, lambda: True) is None
    assert states.path(state) is not None


def test_a_newer_state_takes_the_place_of_the_older_one(tmp_path: Path) -> None:
    states = SavedStates(tmp_path, 1000)
    keep(states, "a", 100)
    keep(states, "a", 100, (1, 2, 3, 4))
    assert [state.tokens for state in states.of("model")] == [(1, 2, 3, 4)]


def test_a_forgotten_conversation_leaves_an_empty_file_only(tmp_path: Path) -> None:
    states = SavedStates(tmp_path, 1000)
    keep(states, "a", 100)
    keep(states, "b", 100)
    states.forget("a")
    assert labels(states) == {"b"}
    (mark,) = (path for path in tmp_path.iterdir() if path.suffix not in (".state", ".json"))
    assert mark.stat().st_size == 0
    assert len(list(tmp_path.iterdir())) == 3


def test_a_forgotten_conversation_is_never_kept_again(tmp_path: Path) -> None:
    states = SavedStates(tmp_path, 1000)
    states.forget("a")
    assert not keep(states, "a", 100)
    assert keep(states, "b", 100)
    assert labels(states) == {"b"}


def test_a_conversation_that_is_forgotten_while_it_is_written_is_removed(tmp_path: Path) -> None:
    states = SavedStates(tmp_path, 1000)
    path = states.begin("a", "model", 100)
    assert path is not None
    states.forget("a")
    path.write_bytes(b"x" * 100)  # as llama.cpp does, which opens it by its name
    states.complete("a", "model", (1, 2, 3))
    assert [found.suffix for found in tmp_path.iterdir()] == [".gone"]


def test_the_marks_of_forgotten_conversations_go_after_a_month(tmp_path: Path) -> None:
    states = SavedStates(tmp_path, 1000)
    states.forget("a")
    (mark,) = tmp_path.iterdir()
    a_month_ago = time.time() - 31 * 86_400
    os.utime(mark, (a_month_ago, a_month_ago))
    states.forget("b")
    assert not mark.exists()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_state_that_was_begun_and_never_completed_counts_for_nothing(tmp_path: Path) -> None:
    states = SavedStates(tmp_path, 1000)
    path = states.begin("a", "model", 100)
    assert path is not None
    path.write_bytes(b"x" * 50)
    assert states.of("model") == ()


def test_a_state_that_could_not_be_written_leaves_no_file(tmp_path: Path) -> None:
    class Full:
        """A memory whose state the disk does not take."""

        def state_size(self, sequence: int) -> int:
            return 100 + sequence

        def save_state(self, sequence: int, path: Path, tokens: Sequence[int]) -> bool:
            path.write_bytes(b"x" * (sequence + len(tokens)))
            return False

        def load_state(self, sequence: int, path: Path, tokens: Sequence[int]) -> bool:
            raise AssertionError((sequence, path, tokens))

    SavedLanes(SavedStates(tmp_path, 1000), Full(), "model", lambda: False).save(
        "a", 0, list(range(300)), ""
    )
    assert list(tmp_path.iterdir()) == []


def test_a_state_whose_file_changed_is_removed(tmp_path: Path) -> None:
    states = SavedStates(tmp_path, 1000)
    keep(states, "a", 100)
    state: SavedState = states.of("model")[0]
    next(tmp_path.glob("*.state")).write_bytes(b"y" * 100)
    assert states.path(state) is None
    assert list(tmp_path.iterdir()) == []
