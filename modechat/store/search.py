"""Finds conversations by the words in them, in the index that the schema's triggers keep.

The index also finds words by their beginnings. It has no words of scripts without spaces between
words (Chinese, Japanese, Thai): for these, all texts are read from end to end, which takes longer.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from modechat.domain.listing import Found
from modechat.domain.text import sanitize_line, storable

if TYPE_CHECKING:
    import sqlite3

    from modechat.store.database import Database

_MAX_WORDS = 12
_BEFORE, _WIDTH = 30, 160  # characters of an excerpt
_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)

_BY_INDEX = """
SELECT turns.conversation_id, max(turn_texts.rowid) AS place FROM turn_texts
JOIN turns ON turns.id = turn_texts.rowid / 2
WHERE turn_texts MATCH :words GROUP BY turns.conversation_id
"""
_ALL_TEXTS = """
SELECT turns.conversation_id, 2 * turns.id AS place, CAST(turns.typed AS TEXT) AS said FROM turns
UNION ALL
SELECT turns.conversation_id, 2 * turns.id + 1, CAST(replies.text AS TEXT)
FROM turns JOIN replies ON replies.turn_id = turns.id
"""
_EXCERPT = """
SELECT substr(said, max(1, instr(lower(said), lower(:word)) - :before), :width) FROM (
    SELECT CAST(CASE :place % 2 WHEN 0 THEN turns.typed ELSE replies.text END AS TEXT) AS said
    FROM turns JOIN replies ON replies.turn_id = turns.id WHERE turns.id = :place / 2
)
"""


class Searcher:
    """Searches from one thread; `interrupt` may be called from any."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def search(self, text: str) -> tuple[Found, ...]:
        """Return the conversations in which one message or reply has all the words of `text`.

        Raises StoreError.
        """
        words = words_of(storable(text))
        if not words:
            return ()
        found: list[Found] = []
        with self._database.reading() as db:
            for conversation_id, place in _places(db, words).items():
                excerpt = _excerpt(db, place, words[0])
                found.append(Found(conversation_id, place // 2, excerpt))
        return tuple(found)

    def interrupt(self) -> None:
        """Interrupt the running search."""
        self._database.interrupt()

    def close(self) -> None:
        self._database.close()


def words_of(text: str) -> list[str]:
    """Return the words to search for: letters, digits and marks, as the index separates them."""
    kept: list[str] = []
    for character in text:
        is_part_of_word = unicodedata.category(character)[0] in "LNM"
        kept.append(character if is_part_of_word else " ")
    return "".join(kept).split()[:_MAX_WORDS]


def _places(connection: sqlite3.Connection, words: list[str]) -> dict[int, int]:
    """Return the newest place of each conversation where one text has all `words`."""
    if any(_WITHOUT_SPACES.search(word) for word in words):
        return _by_reading(connection, words)
    query = " ".join(f'"{word}"*' for word in words)
    return dict(map(tuple, connection.execute(_BY_INDEX, {"words": query})))


def _by_reading(connection: sqlite3.Connection, words: list[str]) -> dict[int, int]:
    wanted = [word.casefold() for word in words]
    places: dict[int, int] = {}
    for conversation_id, place, said in connection.execute(_ALL_TEXTS):
        folded = (said or "").casefold()
        if all(word in folded for word in wanted):
            places[conversation_id] = max(place, places.get(conversation_id, 0))
    return places


def _excerpt(connection: sqlite3.Connection, place: int, word: str) -> str:
    names = {"place": place, "word": word, "before": _BEFORE, "width": _WIDTH}
    row = connection.execute(_EXCERPT, names).fetchone()
    if row is None:
        return ""
    return sanitize_line(row[0] or "")


def forget_deleted(connection: sqlite3.Connection) -> None:
    """Remove the words of deleted texts from the index, which until then only marks them."""
    connection.execute("INSERT INTO turn_texts (turn_texts) VALUES ('optimize')")
