"""Reads and changes conversations: the only way for the program to do so.

A change is on disk when its method returns, so a later crash does not lose it. Regenerating and
editing add siblings to a turn; the conversation's head says which path through the tree is visible.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from modechat.domain.own_settings import written
from modechat.domain.text import storable
from modechat.store import rows
from modechat.store.additions import add_conversation, add_turn, select
from modechat.store.database import Database
from modechat.store.failures import not_found
from modechat.store.inputs import StoredInputs, forget_sent
from modechat.store.locks import ConversationLocks, NoLocks
from modechat.store.preview import read_preview
from modechat.store.search import Searcher, forget_deleted
from modechat.store.summaries import read_summaries
from modechat.store.timeline import (
    delete_turn,
    read_conversation,
    read_started_at,
    variant_ids,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from modechat.domain.conversation import ContextCut, Conversation, ModeChange, Reply, Turn
    from modechat.domain.listing import ConversationSummary, Found, TurnExcerpt
    from modechat.domain.mode import ModeState
    from modechat.domain.modes import ChatMessage, Task
    from modechat.domain.own_settings import OwnSettings


_SAVE_REPLY = """
UPDATE replies
SET state = :state, stop_reason = :stop_reason, error = :error, model = :model, stats = :stats,
    text = :text, thinking = :thinking
WHERE turn_id = :id
"""
_MARK_INTERRUPTED = """
UPDATE replies SET state = 'interrupted'
WHERE state IN ('waiting', 'streaming')
    AND turn_id IN (SELECT id FROM turns WHERE conversation_id = ?)
"""
_ADD_MODE_CHANGE = """
INSERT INTO mode_changes (conversation_id, after_turn_id, mode, standing, task, typed)
VALUES (:conversation_id, :after_turn_id, :mode, :standing, :task, :typed)
"""
_ADD_CUT = """
INSERT INTO context_cuts (conversation_id, after_turn_id, left_turn_id, summary)
VALUES (:conversation_id, :after_turn_id, :left_turn_id, :summary)
"""
_SET_STATE = """
UPDATE conversations SET mode = :mode, standing = :standing, task = :task WHERE id = :id
"""


class Store:
    """The conversations of one folder, or in memory; for one thread at a time.

    Every method can raise StoreError.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        locks: ConversationLocks | NoLocks,
    ) -> None:
        self._database = database
        self._clock = clock
        self._locks = locks
        self.inputs = StoredInputs(database)

    @classmethod
    def open(cls, folder: Path, clock: Callable[[], datetime]) -> Self:
        """Open the conversations in `folder`, made if absent. `clock` returns aware times."""
        return cls(Database.open(folder), clock, ConversationLocks(folder))

    @classmethod
    def in_memory(cls, clock: Callable[[], datetime]) -> Self:
        """Make a store whose conversations are gone when it is closed."""
        return cls(Database.in_memory(), clock, NoLocks())

    def close(self) -> None:
        self.unlock()
        self._database.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Do everything that the block does with this store, or nothing of it."""
        with self._database.writing():
            yield

    # Conversations

    def create_conversation(self, title: str, state: ModeState) -> Conversation:
        with self._database.writing() as db:
            conversation_id = add_conversation(db, title, state, self._now())
            return read_conversation(db, conversation_id)

    def conversation(self, id: int) -> Conversation:
        """Return the conversation with its visible entries. Raises ConversationDamaged."""
        with self._database.reading() as db:
            return read_conversation(db, id)

    def started_at(self, id: int) -> datetime | None:
        """Return when the conversation began; None if that cannot be read."""
        with self._database.reading() as db:
            return read_started_at(db, id)

    def latest_id(self) -> int | None:
        """Return the id of the conversation with the newest turn; None if there is none."""
        latest = self.summaries(limit=1)
        return latest[0].id if latest else None

    def summaries(self, limit: int = 200) -> tuple[ConversationSummary, ...]:
        """Return the conversations that were updated last, newest first."""
        with self._database.reading() as db:
            return read_summaries(db, limit)

    def rename(self, conversation_id: int, title: str) -> None:
        sql = "UPDATE conversations SET title = :title WHERE id = :id"
        self._change("conversation", conversation_id, sql, title=storable(title))

    def delete(self, conversation_id: int) -> None:
        """Delete the conversation with its turns.

        Raises ConversationInUse if another process has it open.
        """
        sql = "DELETE FROM conversations WHERE id = :id"
        with self._locks.borrow(conversation_id), self._database.writing() as db:
            self._change("conversation", conversation_id, sql)
            forget_deleted(db)

    def search(self, text: str) -> tuple[Found, ...]:
        """Find conversations that have all words of `text` in one message or reply.

        Words count, too, if they only begin with one of these.
        """
        return Searcher(self._database).search(text)

    def searcher(self) -> Searcher | None:
        """Return a searcher for another thread; None for conversations in memory."""
        database = self._database.second_reader()
        return None if database is None else Searcher(database)

    def preview(self, conversation_id: int, turn_id: int | None = None) -> tuple[TurnExcerpt, ...]:
        """Return the last turns of a conversation, or those up to `turn_id`, cut short."""
        with self._database.reading() as db:
            return read_preview(db, conversation_id, turn_id)

    def set_own(self, conversation_id: int, own: OwnSettings) -> None:
        """Save the conversation's own settings."""
        sql = "UPDATE conversations SET settings = :settings WHERE id = :id"
        text = written(own)
        if text is not None:
            text = storable(text)
        self._change("conversation", conversation_id, sql, settings=text)

    # Turns and their replies

    def add_turn(
        self,
        conversation_id: int,
        parent_id: int | None,
        typed: str,
        request: ChatMessage | Task,
        in_chat: bool,
    ) -> Turn:
        """Add a turn that waits for its reply, below `parent_id` (None: a root), and show it."""
        with self._database.writing() as db:
            return add_turn(db, conversation_id, parent_id, typed, request, in_chat, self._now())

    def save_reply(self, turn_id: int, reply: Reply) -> None:
        """Replace the stored reply of the turn."""
        self._change("turn", turn_id, _SAVE_REPLY, **rows.reply_columns(reply))

    def mark_interrupted(self, conversation_id: int) -> int:
        """Mark the replies that a killed program left open as interrupted; return how many they
        are.

        The caller holds the lock of the conversation.
        """
        with self._database.writing() as db:
            return db.execute(_MARK_INTERRUPTED, (conversation_id,)).rowcount

    def set_in_chat(self, turn_id: int, in_chat: bool) -> None:
        """Add the turn to the chat's context, or remove it from there."""
        sql = "UPDATE turns SET in_chat = :in_chat WHERE id = :id"
        self._change("turn", turn_id, sql, in_chat=in_chat)

    def set_pinned(self, turn_id: int, pinned: bool) -> None:
        """Pin the turn, so that it stays in a full context, or unpin it."""
        sql = "UPDATE turns SET pinned = :pinned WHERE id = :id"
        self._change("turn", turn_id, sql, pinned=pinned)

    def add_cut(self, conversation_id: int, cut: ContextCut) -> None:
        """Record the place where the context begins from now on."""
        with self._database.writing() as db:
            db.execute(_ADD_CUT, {"conversation_id": conversation_id, **rows.cut_columns(cut)})

    def variants(self, turn_id: int) -> tuple[int, ...]:
        """Return the turns for the same message, `turn_id` among them, oldest first."""
        with self._database.reading() as db:
            return variant_ids(db, turn_id)

    def select(self, turn_id: int) -> None:
        """Show the branch of this turn, down to its newest leaf."""
        with self._database.writing() as db:
            select(db, turn_id)

    def delete_turn(self, turn_id: int) -> Conversation:
        """Delete one turn for good, also from the input history; the turns after it stay.

        Returns the conversation without the turn.
        """
        with self._database.writing() as db:
            typed = db.execute("SELECT typed FROM turns WHERE id = ?", (turn_id,)).fetchone()
            conversation_id = delete_turn(db, turn_id)
            if conversation_id is None:
                raise not_found("turn", turn_id)
            forget_sent(db, conversation_id, typed["typed"])
            forget_deleted(db)
            return read_conversation(db, conversation_id)

    # The mode

    def set_state(self, conversation_id: int, state: ModeState) -> None:
        """Set the conversation's mode, without a mark on the timeline."""
        self._change("conversation", conversation_id, _SET_STATE, **rows.state_columns(state))

    def add_mode_change(self, conversation_id: int, change: ModeChange) -> None:
        """Mark the change on the timeline and set the conversation's mode."""
        columns = {"conversation_id": conversation_id, **rows.mode_change_columns(change)}
        with self._database.writing() as db:
            db.execute(_ADD_MODE_CHANGE, columns)
            db.execute(_SET_STATE, {"id": conversation_id, **rows.state_columns(change.state)})

    # The lock

    def lock(self, conversation_id: int) -> None:
        """Lock the conversation and release the one before. Raises ConversationInUse."""
        self._locks.acquire(conversation_id)

    def unlock(self) -> None:
        self._locks.release()

    def _now(self) -> str:
        return rows.time_text(self._clock())

    def _change(self, what: str, number: int, sql: str, **columns: Any) -> None:
        """Change the one row that `sql` names as :id, in a transaction of its own."""
        with self._database.writing() as db:
            if db.execute(sql, {"id": number, **columns}).rowcount == 0:
                raise not_found(what, number)
