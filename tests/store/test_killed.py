"""What was promised to be on disk is there, at whatever moment the program is killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from modechat.domain.conversation import Reply, ReplyState
from tests.store.processes import running

if TYPE_CHECKING:
    from pathlib import Path

    from modechat.domain.conversation import Turn
    from modechat.store import Store


def only_turn(store: Store) -> Turn:
    latest = store.latest_id()
    assert latest is not None
    (turn,) = store.conversation(latest).turns
    return turn


def test_a_turn_is_there_when_the_program_is_killed_right_after_adding_it(
    folder: Path, file_store: Store
) -> None:
    with running("add-turn", folder) as process:
        assert process.line() == "added"
        process.kill()
    assert only_turn(file_store).typed == "hello"
    assert only_turn(file_store).reply == Reply()


@pytest.mark.parametrize("saves", [1, 7, 60])
def test_the_text_saved_last_is_there_when_the_program_is_killed_while_it_saves(
    folder: Path, file_store: Store, saves: int
) -> None:
    with running("save-replies", folder) as process:
        lines = [process.line() for _ in range(saves)]
        lines += process.kill()
    promised = int(lines[-1])
    # It may have been killed between saving and saying so.
    assert len(only_turn(file_store).reply.text.split()) in (promised, promised + 1)


def test_a_reply_left_open_by_a_killed_program_becomes_interrupted_and_keeps_its_text(
    folder: Path, file_store: Store
) -> None:
    with running("save-replies", folder) as process:
        process.line()
        process.kill()
    before = only_turn(file_store)
    latest = file_store.latest_id()
    assert latest is not None
    file_store.lock(latest)
    assert file_store.mark_interrupted(latest) == 1
    assert only_turn(file_store).reply == Reply(
        text=before.reply.text, state=ReplyState.INTERRUPTED
    )
    assert file_store.mark_interrupted(latest) == 0
