"""Stores what the user typed: the history of sent texts, and drafts.

Both are as private as the conversations. Only the newest sent texts are kept.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from modechat.domain.text import storable
from modechat.domain.typed import Typed

if TYPE_CHECKING:
    import sqlite3

    from modechat.store.database import Database

MOST_ENTRIES = 2000
MOST_CHARACTERS = 8_000_000
"""The most characters of all sent texts together."""

_ADD = """
INSERT INTO input_history (conversation_id, text, folds) VALUES (:conversation_id, :text, :folds)
"""
_NEWEST = "SELECT id, text, folds FROM input_history ORDER BY id DESC"
_FORGET = """
DELETE FROM input_history WHERE id <= coalesce((
    SELECT max(id) FROM (
        SELECT id, row_number() OVER newest AS place, sum(length(text)) OVER newest AS characters
        FROM input_history WINDOW newest AS (ORDER BY id DESC)
    ) WHERE place > :entries OR (characters > :characters AND place > 1)
), 0)
"""


class StoredInputs:
    """The stored inputs. Every method can raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, entry: Typed, conversation_id: int | None = None) -> None:
        """Save a sent text, unless the last one was the same.

        The text is deleted with the conversation.
        """
        with self._database.writing() as db:
            row = db.execute(f"{_NEWEST} LIMIT 1").fetchone()
            if row is not None and row["text"] == storable(entry.text):
                return
            db.execute(_ADD, {"conversation_id": conversation_id, **_columns(entry)})
            db.execute(_FORGET, {"entries": MOST_ENTRIES, "characters": MOST_CHARACTERS})

    def sent(self) -> tuple[Typed, ...]:
        """Return the sent texts, newest first."""
        with self._database.reading() as db:
            return tuple(filter(None, map(_read, db.execute(_NEWEST))))

    def draft(self, conversation_id: int | None) -> Typed:
        """Return the unsent text of the conversation; None: of a new one."""
        sql = "SELECT text, folds FROM draft_of_new"
        with self._database.reading() as db:
            if conversation_id is None:
                row = db.execute(sql).fetchone()
            else:
                sql = "SELECT text, folds FROM drafts WHERE conversation_id = ?"
                row = db.execute(sql, (conversation_id,)).fetchone()
            return Typed() if row is None else _read(row)

    def save_draft(self, conversation_id: int | None, draft: Typed) -> None:
        """Replace the draft; an empty one is removed. A deleted conversation gets no draft."""
        with self._database.writing() as db:
            if conversation_id is None:
                db.execute("DELETE FROM draft_of_new")
                sql = "INSERT INTO draft_of_new (id, text, folds) VALUES (1, :text, :folds)"
            else:
                db.execute("DELETE FROM drafts WHERE conversation_id = ?", (conversation_id,))
                sql = (
                    "INSERT INTO drafts (conversation_id, text, folds) "
                    "SELECT id, :text, :folds FROM conversations WHERE id = :id"
                )
            if draft:
                db.execute(sql, {"id": conversation_id, **_columns(draft)})


def forget_sent(connection: sqlite3.Connection, conversation_id: int, typed: object) -> None:
    """Delete the sent texts of a deleted turn, unless another turn there has the same text."""
    names = {"conversation": conversation_id, "typed": typed}
    same = "SELECT 1 FROM turns WHERE conversation_id = :conversation AND typed = :typed"
    if connection.execute(same, names).fetchone() is not None:
        return
    sent = connection.execute(
        "SELECT id, text FROM input_history WHERE conversation_id = :conversation", names
    )
    forgotten = [(row["id"],) for row in sent.fetchall() if _became(row["text"], typed)]
    connection.executemany("DELETE FROM input_history WHERE id = ?", forgotten)


def _became(sent: object, typed: object) -> bool:
    """Return True if the turn's text `typed` was made from the text `sent`.

    The turn may have the texts of files between its lines, and lacks the backslash that keeps a
    text from being a command.
    """
    if not isinstance(sent, str) or not isinstance(typed, str):
        return False
    lines = iter(typed.split("\n"))
    first, *others = sent.split("\n")
    if next(lines) not in (first, first.removeprefix("\\")):
        return False
    return all(line in lines for line in others)  # each `in` goes on after the line found before


def _columns(typed: Typed) -> dict[str, str]:
    return {"text": storable(typed.text), "folds": json.dumps(typed.folds)}


def _read(row: sqlite3.Row) -> Typed:
    """Read a text. It comes without its folds if they do not fit; a damaged text counts as empty.

    Folds do not fit if two lone surrogates became one character, or if the database is damaged.
    """
    text = row["text"]
    if not isinstance(text, str):
        return Typed()
    try:
        folds = tuple((start, end) for start, end in json.loads(row["folds"]))
        if all(type(place) is int for fold in folds for place in fold):
            return Typed(text, folds)
    except (ValueError, TypeError, RecursionError):
        pass
    return Typed(text)
