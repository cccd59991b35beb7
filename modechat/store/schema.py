"""Defines the tables of the database and migrates older versions to them.

PRAGMA user_version counts the applied migrations. A released migration never changes; new ones are
added at the end. No STRICT tables and no RETURNING: Python 3.11 on RHEL 8 and 9 has SQLite 3.26 and
3.34.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CONVERSATIONS_AND_TURNS = """
-- AUTOINCREMENT: an id is never used again, so that a lock or a late reply cannot meet a new
-- conversation of the same number.
CREATE TABLE conversations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    created_at TEXT NOT NULL,  -- times are ISO 8601 in UTC, of equal width: they sort as text
    updated_at TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('chat', 'instruct')),
    standing TEXT,
    head_id INTEGER,  -- the leaf whose path from the root is the visible timeline
    FOREIGN KEY (id, head_id) REFERENCES turns (conversation_id, id)
);

-- Only in_chat ever changes. A parent is older than its children: ids grow along a path. There is
-- no ON DELETE CASCADE from parent to child: SQLite nests cascades at most 1000 deep, a long chat
-- is deeper. Deleting the conversation deletes all its turns at once.
CREATE TABLE turns (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    parent_id INTEGER,
    created_at TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('chat', 'instruct')),
    in_chat INTEGER NOT NULL CHECK (in_chat IN (0, 1)),
    typed TEXT NOT NULL,
    text TEXT NOT NULL,  -- the chat message, or the instruction
    input TEXT NOT NULL,
    prefill TEXT NOT NULL,
    UNIQUE (conversation_id, id),
    FOREIGN KEY (conversation_id, parent_id) REFERENCES turns (conversation_id, id)
);
CREATE INDEX turns_by_parent ON turns (conversation_id, parent_id);

-- One for each turn. A table of its own because a reply is saved twice a second while it comes, and
-- SQLite writes whole rows: a long message would be written again each time.
CREATE TABLE replies (
    turn_id INTEGER PRIMARY KEY REFERENCES turns (id) ON DELETE CASCADE,
    state TEXT NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'streaming', 'complete', 'stopped', 'interrupted', 'failed')),
    stop_reason TEXT
        CHECK (stop_reason IN ('end', 'stop_string', 'length', 'context', 'stopped')),
    error TEXT NOT NULL DEFAULT '',
    model TEXT NOT NULL DEFAULT '',
    stats TEXT,  -- JSON: read as a whole, never searched, so that a new figure needs no migration
    text TEXT NOT NULL DEFAULT ''
);

CREATE TABLE mode_changes (
    id INTEGER PRIMARY KEY,
    conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    after_turn_id INTEGER,
    mode TEXT NOT NULL CHECK (mode IN ('chat', 'instruct')),
    standing TEXT,
    typed TEXT NOT NULL,
    FOREIGN KEY (conversation_id, after_turn_id) REFERENCES turns (conversation_id, id)
);
CREATE INDEX mode_changes_by_turn ON mode_changes (conversation_id, after_turn_id);
"""

# Named tasks, thinking, and the stop reason of a leaked role marker. A CHECK cannot be changed: the
# table is rebuilt.
_TASKS_AND_THINKING = """
-- The named task of the standing instruction, and the one that an instruct turn came from.
ALTER TABLE conversations ADD COLUMN task TEXT NOT NULL DEFAULT '';
ALTER TABLE mode_changes ADD COLUMN task TEXT NOT NULL DEFAULT '';
ALTER TABLE turns ADD COLUMN task TEXT NOT NULL DEFAULT '';

CREATE TABLE new_replies (
    turn_id INTEGER PRIMARY KEY REFERENCES turns (id) ON DELETE CASCADE,
    state TEXT NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'streaming', 'complete', 'stopped', 'interrupted', 'failed')),
    stop_reason TEXT
        CHECK (stop_reason IN ('end', 'stop_string', 'length', 'context', 'stopped', 'leak')),
    error TEXT NOT NULL DEFAULT '',
    model TEXT NOT NULL DEFAULT '',
    stats TEXT,  -- JSON, as before
    text TEXT NOT NULL DEFAULT '',
    thinking TEXT NOT NULL DEFAULT ''
);
INSERT INTO new_replies (turn_id, state, stop_reason, error, model, stats, text)
    SELECT turn_id, state, stop_reason, error, model, stats, text FROM replies;
DROP TABLE replies;
ALTER TABLE new_replies RENAME TO replies;
"""

# The turns that stay in a full context, and the place where it begins.
_CONTEXT = """
ALTER TABLE turns ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1));

CREATE TABLE context_cuts (
    id INTEGER PRIMARY KEY,
    conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    -- The last turn when it happened: the cut belongs to the paths that have it.
    after_turn_id INTEGER NOT NULL,
    left_turn_id INTEGER NOT NULL,  -- the newest turn that has left the context
    summary TEXT NOT NULL,
    FOREIGN KEY (conversation_id, after_turn_id) REFERENCES turns (conversation_id, id),
    FOREIGN KEY (conversation_id, left_turn_id) REFERENCES turns (conversation_id, id)
);
CREATE INDEX context_cuts_by_turn ON context_cuts (conversation_id, after_turn_id);
"""

# Settings of single conversations, and an index of all texts. Its rows: 2 * turn is the typed text,
# 2 * turn + 1 the reply, once that is final (while it comes, it is saved twice a second). The index
# keeps no texts of its own, so removing one needs the text. A table that is rebuilt loses its
# triggers.
_SETTINGS_AND_SEARCH = """
ALTER TABLE conversations ADD COLUMN settings TEXT;  -- JSON, never searched; NULL: none of its own

CREATE VIRTUAL TABLE turn_texts USING fts5 (
    text, content='', prefix='2 3', tokenize='unicode61 remove_diacritics 2'
);
INSERT INTO turn_texts (rowid, text) SELECT 2 * id, typed FROM turns;
INSERT INTO turn_texts (rowid, text)
    SELECT 2 * turn_id + 1, text FROM replies
    WHERE state NOT IN ('waiting', 'streaming') AND text <> '';

CREATE TRIGGER turn_texts_of_new_turn AFTER INSERT ON turns BEGIN
    INSERT INTO turn_texts (rowid, text) VALUES (2 * new.id, new.typed);
END;
CREATE TRIGGER turn_texts_of_old_turn AFTER DELETE ON turns BEGIN
    INSERT INTO turn_texts (turn_texts, rowid, text) VALUES ('delete', 2 * old.id, old.typed);
END;
CREATE TRIGGER turn_texts_of_new_reply AFTER INSERT ON replies
WHEN new.state NOT IN ('waiting', 'streaming') AND new.text <> '' BEGIN
    INSERT INTO turn_texts (rowid, text) VALUES (2 * new.turn_id + 1, new.text);
END;
CREATE TRIGGER turn_texts_of_reply AFTER UPDATE OF state, text ON replies BEGIN
    INSERT INTO turn_texts (turn_texts, rowid, text) SELECT 'delete', 2 * old.turn_id + 1, old.text
        WHERE old.state NOT IN ('waiting', 'streaming') AND old.text <> '';
    INSERT INTO turn_texts (rowid, text) SELECT 2 * new.turn_id + 1, new.text
        WHERE new.state NOT IN ('waiting', 'streaming') AND new.text <> '';
END;
CREATE TRIGGER turn_texts_of_old_reply AFTER DELETE ON replies
WHEN old.state NOT IN ('waiting', 'streaming') AND old.text <> '' BEGIN
    INSERT INTO turn_texts (turn_texts, rowid, text)
        VALUES ('delete', 2 * old.turn_id + 1, old.text);
END;
"""

# The input history, and what was typed but not sent.
_INPUTS = """
CREATE TABLE input_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- NULL: a command before there was a conversation.
    conversation_id INTEGER REFERENCES conversations (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    folds TEXT NOT NULL  -- JSON: the ranges of characters that are shown as one token
);
CREATE INDEX input_history_by_conversation ON input_history (conversation_id);

CREATE TABLE drafts (
    conversation_id INTEGER PRIMARY KEY REFERENCES conversations (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    folds TEXT NOT NULL
);

-- At most one row: a new conversation has no number yet.
CREATE TABLE draft_of_new (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    text TEXT NOT NULL,
    folds TEXT NOT NULL
);
"""

# The stop reason of a reply that repeats itself. The rebuilt table loses its triggers; they are
# made again as they were.
_REPEATS = """
CREATE TABLE new_replies (
    turn_id INTEGER PRIMARY KEY REFERENCES turns (id) ON DELETE CASCADE,
    state TEXT NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'streaming', 'complete', 'stopped', 'interrupted', 'failed')),
    stop_reason TEXT
        CHECK (stop_reason IN (
            'end', 'stop_string', 'length', 'context', 'stopped', 'leak', 'repeats'
        )),
    error TEXT NOT NULL DEFAULT '',
    model TEXT NOT NULL DEFAULT '',
    stats TEXT,  -- JSON, as before
    text TEXT NOT NULL DEFAULT '',
    thinking TEXT NOT NULL DEFAULT ''
);
INSERT INTO new_replies (turn_id, state, stop_reason, error, model, stats, text, thinking)
    SELECT turn_id, state, stop_reason, error, model, stats, text, thinking FROM replies;
DROP TABLE replies;
ALTER TABLE new_replies RENAME TO replies;
"""

_TRIGGERS_OF_REPLIES = _SETTINGS_AND_SEARCH[
    _SETTINGS_AND_SEARCH.index("CREATE TRIGGER turn_texts_of_new_reply") :
]

MIGRATIONS: tuple[str, ...] = (
    _CONVERSATIONS_AND_TURNS,
    _TASKS_AND_THINKING,
    _CONTEXT,
    _SETTINGS_AND_SEARCH,
    _INPUTS,
    _REPEATS + _TRIGGERS_OF_REPLIES,
)


class Damaged(Exception):
    """The database has something that this program cannot have written. The message says what."""


class SchemaTooNew(Exception):
    """The database has had migrations that only a newer program knows."""


def migrate(connection: sqlite3.Connection, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Apply the migrations that the database lacks, each in a transaction of its own.

    `connection` is in autocommit mode with foreign keys off, so that a migration can rebuild a
    table. Raises SchemaTooNew, or sqlite3.Error with the database as the last complete migration
    left it.
    """
    while (version := _version(connection)) < len(migrations):
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            if _version(connection) != version:
                continue  # Another process was faster.
            for statement in _statements(migrations[version]):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version + 1}")
    if version > len(migrations):
        raise SchemaTooNew


def _version(connection: sqlite3.Connection) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version < 0:
        raise Damaged(f"the version is {version}")
    return version


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of `script`, each of which ends a line.

    (`executescript` would end the transaction.)
    """
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
