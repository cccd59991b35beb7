from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from modechat.domain.mode import ModeState
from modechat.errors import StoreError
from modechat.store import ConversationInUse, Store
from tests.store.processes import running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.store.conftest import Clock


def add(store: Store) -> int:
    return store.create_conversation("", ModeState()).id


def test_a_conversation_open_in_another_process_is_in_use_until_that_process_is_killed(
    folder: Path, file_store: Store
) -> None:
    conversation_id = add(file_store)
    with running("hold", folder, conversation_id) as other:
        assert other.line() == "held"
        with pytest.raises(ConversationInUse) as caught:
            file_store.lock(conversation_id)
        assert caught.value.title == "This conversation is open in another modechat"
        assert caught.value.hint
        other.kill()
        file_store.lock(conversation_id)


def test_a_conversation_in_use_elsewhere_cannot_be_deleted(folder: Path, file_store: Store) -> None:
    conversation_id = add(file_store)
    with running("hold", folder, conversation_id) as other:
        other.line()
        with pytest.raises(ConversationInUse):
            file_store.delete(conversation_id)
    assert file_store.conversation(conversation_id).id == conversation_id


def test_the_conversation_held_stays_held_when_the_next_one_is_in_use(
    folder: Path, file_store: Store, clock: Clock
) -> None:
    mine, theirs = add(file_store), add(file_store)
    file_store.lock(mine)
    with running("hold", folder, theirs) as other:
        other.line()
        with pytest.raises(ConversationInUse):
            file_store.lock(theirs)
    third = Store.open(folder, clock)
    with pytest.raises(ConversationInUse):
        third.lock(mine)
    third.close()


def test_taking_the_next_conversation_frees_the_one_before(
    folder: Path, file_store: Store, clock: Clock
) -> None:
    first, second = add(file_store), add(file_store)
    other = Store.open(folder, clock)
    file_store.lock(first)
    file_store.lock(second)
    other.lock(first)
    with pytest.raises(ConversationInUse):
        other.lock(second)
    other.close()


def test_a_lock_taken_twice_is_freed_by_one_unlock(
    folder: Path, file_store: Store, clock: Clock
) -> None:
    conversation_id = add(file_store)
    file_store.lock(conversation_id)
    file_store.lock(conversation_id)
    file_store.unlock()
    file_store.unlock()
    other = Store.open(folder, clock)
    other.lock(conversation_id)
    other.close()


def test_closing_the_store_frees_the_conversation(
    folder: Path, file_store: Store, clock: Clock
) -> None:
    conversation_id = add(file_store)
    other = Store.open(folder, clock)
    other.lock(conversation_id)
    other.close()
    file_store.lock(conversation_id)


def test_the_conversation_held_can_be_deleted(file_store: Store) -> None:
    conversation_id = add(file_store)
    file_store.lock(conversation_id)
    file_store.delete(conversation_id)
    assert file_store.latest_id() is None


def test_a_lock_that_cannot_be_made_is_a_store_error(folder: Path, file_store: Store) -> None:
    (folder / "locks" / "opening.lock").unlink()
    (folder / "locks").rmdir()
    (folder / "locks").touch()
    with pytest.raises(StoreError, match=str(folder)):
        file_store.lock(1)


def test_in_memory_there_is_nothing_to_lock(clock: Clock) -> None:
    store = Store.in_memory(clock)
    conversation_id = add(store)
    store.lock(conversation_id)
    store.unlock()
    store.delete(conversation_id)
    store.close()
