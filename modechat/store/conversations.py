"""The store of conversations: every way in which the program reads or changes them.

What a method wrote is on disk when it returns, whatever is killed afterwards. Turns are only ever added:
regenerating and editing add siblings, and the conversation's head says which path through the tree is visible.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Self

from modechat.domain.conversation import Conversation
from modechat.domain.own_settings import read_own, written
from modechat.store import rows
from modechat.store.database import Database
from modechat.store.failures import ConversationDamaged, not_found
from modechat.store.inputs import StoredInputs, forget_sent
from modechat.store.locks import ConversationLocks
from modechat.store.preview import read_preview
from modechat.store.schema import Damaged
from modechat.store.search import Searcher, forget_deleted, search
from modechat.store.summaries import read_summaries
from modechat.store.timeline import (
    cut_in_effect,
    delete_turn,
    newest_leaf,
    variant_ids,
    visible_entries,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from modechat.domain.conversation import ContextCut, ModeChange, Reply, Turn
    from modechat.domain.listing import ConversationSummary, Found, TurnExcerpt
    from modechat.domain.mode import ModeState
    from modechat.domain.modes import ChatMessage, Task
    from modechat.domain.own_settings import OwnSettings

_ADD_CONVERSATION = """
INSERT INTO conversations (title, created_at, updated_at, mode, standing, task)
VALUES (:title, :now, :now, :mode, :standing, :task)
"""
_ADD_TURN = """
INSERT INTO turns (conversation_id, parent_id, created_at, mode, in_chat, typed, text, input, prefill, task)
VALUES (:conversation_id, :parent_id, :now, :mode, :in_chat, :typed, :text, :input, :prefill, :task)
"""
_SAVE_REPLY = """
UPDATE replies
SET state = :state, stop_reason = :stop_reason, error = :error, model = :model, stats = :stats, text = :text,
    thinking = :thinking
WHERE turn_id = :id
"""
_MARK_INTERRUPTED = """
UPDATE replies SET state = 'interrupted'
WHERE state IN ('waiting', 'streaming') AND turn_id IN (SELECT id FROM turns WHERE conversation_id = ?)
"""
_SET_HEAD = """
UPDATE conversations SET head_id = :head_id WHERE id = (SELECT conversation_id FROM turns WHERE id = :head_id)
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
    """The conversations of one folder, or of memory; for one thread at a time. Every method can raise StoreError."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        locks: ConversationLocks | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._locks = locks
        self.inputs = StoredInputs(database)

    @classmethod
    def open(cls, folder: Path, clock: Callable[[], datetime]) -> Self:
        """The conversations in `folder`, which is made if it is absent. `clock` gives aware times."""
        return cls(Database.open(folder), clock, ConversationLocks(folder))

    @classmethod
    def in_memory(cls, clock: Callable[[], datetime]) -> Self:
        """Conversations that are gone when the store is closed."""
        return cls(Database.in_memory(), clock)

    def close(self) -> None:
        self.unlock()
        self._database.close()

    # Conversations

    def create_conversation(self, title: str, state: ModeState) -> Conversation:
        columns = {"title": rows.storable(title), "now": self._now(), **rows.state_columns(state)}
        with self._database.writing() as db:
            return _conversation(db, _insert(db, _ADD_CONVERSATION, columns))

    def conversation(self, id: int) -> Conversation:
        """The conversation and all that is visible of it. Raises StoreError if there is none, ConversationDamaged."""
        with self._database.reading() as db:
            return _conversation(db, id)

    def started_at(self, id: int) -> datetime | None:
        """When the conversation began; None if that cannot be read. Raises StoreError if there is none."""
        with self._database.reading() as db:
            row = db.execute("SELECT created_at FROM conversations WHERE id = ?", (id,)).fetchone()
        if row is None:
            raise not_found("conversation", id)
        try:
            return rows.read_time(row["created_at"])
        except Damaged:
            return None

    def latest_id(self) -> int | None:
        """The conversation that was updated last: the one with the newest turn."""
        return next((summary.id for summary in self.summaries(limit=1)), None)

    def summaries(self, limit: int = 200) -> tuple[ConversationSummary, ...]:
        """The conversations that were updated last, newest first."""
        with self._database.reading() as db:
            return read_summaries(db, limit)

    def rename(self, conversation_id: int, title: str) -> None:
        sql = "UPDATE conversations SET title = :title WHERE id = :id"
        self._change("conversation", conversation_id, sql, title=rows.storable(title))

    def delete(self, conversation_id: int) -> None:
        """Delete the conversation with its turns. Raises ConversationInUse if another process has it open."""
        with self._locks.borrow(conversation_id) if self._locks else nullcontext():
            self._change(
                "conversation", conversation_id, "DELETE FROM conversations WHERE id = :id"
            )
            with self._database.writing() as db:
                forget_deleted(db)

    def search(self, text: str) -> tuple[Found, ...]:
        """The conversations in which all the words of `text`, or words that begin so, stand in one message or reply."""
        with self._database.reading() as db:
            return search(db, rows.storable(text))

    def searcher(self) -> Searcher | None:
        """Searches beside the other methods, from a thread of its own; None for conversations in memory."""
        database = self._database.second_reader()
        return Searcher(database) if database is not None else None

    def preview(self, conversation_id: int, turn_id: int | None = None) -> tuple[TurnExcerpt, ...]:
        """The last turns of a conversation, or those up to `turn_id`, cut short; oldest first."""
        with self._database.reading() as db:
            return read_preview(db, conversation_id, turn_id)

    def set_own(self, conversation_id: int, own: OwnSettings) -> None:
        """Keep what the conversation has of its own among the settings."""
        sql = "UPDATE conversations SET settings = :settings WHERE id = :id"
        text = written(own)
        self._change(
            "conversation",
            conversation_id,
            sql,
            settings=None if text is None else rows.storable(text),
        )

    # Turns and their replies

    def add_turn(
        self,
        conversation_id: int,
        parent_id: int | None,
        typed: str,
        request: ChatMessage | Task,
        in_chat: bool,
    ) -> Turn:
        """Add a turn that waits for its reply, below `parent_id` (None: a root), and make it the visible one."""
        columns = {
            "conversation_id": conversation_id,
            "parent_id": parent_id,
            "now": self._now(),
            "in_chat": in_chat,
            "typed": rows.storable(typed),
            **rows.request_columns(request),
        }
        with self._database.writing() as db:
            turn_id = _insert(db, _ADD_TURN, columns)
            db.execute("INSERT INTO replies (turn_id) VALUES (?)", (turn_id,))
            db.execute(
                "UPDATE conversations SET head_id = ?, updated_at = ? WHERE id = ?",
                (turn_id, columns["now"], conversation_id),
            )
            return rows.read_turn(
                db.execute(f"{rows.SELECT_TURNS} WHERE turns.id = ?", (turn_id,)).fetchone()
            )

    def save_reply(self, turn_id: int, reply: Reply) -> None:
        """Replace what is kept of the turn's reply."""
        self._change("turn", turn_id, _SAVE_REPLY, **rows.reply_columns(reply))

    def mark_interrupted(self, conversation_id: int) -> int:
        """Close the replies that a killed program left open, and count them. The caller holds the lock."""
        with self._database.writing() as db:
            return db.execute(_MARK_INTERRUPTED, (conversation_id,)).rowcount

    def set_in_chat(self, turn_id: int, in_chat: bool) -> None:
        """Bring the turn into the chat's context, or take it out."""
        sql = "UPDATE turns SET in_chat = :in_chat WHERE id = :id"
        self._change("turn", turn_id, sql, in_chat=in_chat)

    def set_pinned(self, turn_id: int, pinned: bool) -> None:
        """Have the turn stay in a full context, or not."""
        self._change(
            "turn", turn_id, "UPDATE turns SET pinned = :pinned WHERE id = :id", pinned=pinned
        )

    def add_cut(self, conversation_id: int, cut: ContextCut) -> None:
        """Record where the context begins from now on."""
        with self._database.writing() as db:
            db.execute(_ADD_CUT, {"conversation_id": conversation_id, **rows.cut_columns(cut)})

    def variants(self, turn_id: int) -> tuple[int, ...]:
        """The turns that stand for the same message, `turn_id` among them, in the order of their creation."""
        with self._database.reading() as db:
            return variant_ids(db, turn_id)

    def select(self, turn_id: int) -> None:
        """Make the branch of this turn visible, down to its newest leaf."""
        with self._database.writing() as db:
            leaf_id = newest_leaf(db, turn_id)
            if leaf_id is None:
                raise not_found("turn", turn_id)
            db.execute(_SET_HEAD, {"head_id": leaf_id})

    def delete_turn(self, turn_id: int) -> Conversation:
        """Delete one turn for good, also from what was sent; what follows it stays. Returns its conversation as it is
        then."""
        with self._database.writing() as db:
            typed = db.execute("SELECT typed FROM turns WHERE id = ?", (turn_id,)).fetchone()
            conversation_id = delete_turn(db, turn_id)
            if conversation_id is None:
                raise not_found("turn", turn_id)
            forget_sent(db, conversation_id, typed["typed"])
            forget_deleted(db)
            return _conversation(db, conversation_id)

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
        """Hold the conversation alone, in place of the one held before. Raises ConversationInUse."""
        if self._locks:
            self._locks.take(conversation_id)

    def unlock(self) -> None:
        if self._locks:
            self._locks.release()

    def _now(self) -> str:
        return rows.time_text(self._clock())

    def _change(self, what: str, number: int, sql: str, **columns: Any) -> None:
        """Change the one row that `sql` names as :id, in a transaction of its own."""
        with self._database.writing() as db:
            if db.execute(sql, {"id": number, **columns}).rowcount == 0:
                raise not_found(what, number)


def _insert(connection: sqlite3.Connection, sql: str, columns: rows.Columns) -> int:
    """The id of the new row."""
    row_id = connection.execute(sql, columns).lastrowid
    assert row_id is not None
    return row_id


def _conversation(connection: sqlite3.Connection, conversation_id: int) -> Conversation:
    row = connection.execute(
        "SELECT id, title, created_at, mode, standing, task, settings FROM conversations WHERE id = ?",
        (conversation_id,),
    ).fetchone()
    if row is None:
        raise not_found("conversation", conversation_id)
    try:
        return Conversation(
            id=row["id"],
            title=rows.read_text(row["title"]),
            created_at=rows.read_time(row["created_at"]),
            state=rows.read_state(row),
            entries=visible_entries(connection, conversation_id),
            cut=cut_in_effect(connection, conversation_id),
            own=None if row["settings"] is None else read_own(rows.read_text(row["settings"])),
        )
    except Damaged as error:
        raise ConversationDamaged(conversation_id, error) from error
