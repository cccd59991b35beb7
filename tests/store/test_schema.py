from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from modechat.store.schema import MIGRATIONS, SchemaTooNew, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOTES = "CREATE TABLE notes (text TEXT);\nINSERT INTO notes VALUES ('one; two');\n"
AUTHORS = "ALTER TABLE notes ADD COLUMN author TEXT NOT NULL DEFAULT 'me';\n"
TRIGGER = """
CREATE TABLE log (text TEXT);
CREATE TRIGGER notes_added AFTER INSERT ON notes BEGIN
    INSERT INTO log VALUES (new.text);
END;
INSERT INTO notes (text) VALUES ('three')
"""


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "x.sqlite3", isolation_level=None)) as connection:
        yield connection


def version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def tables(connection: sqlite3.Connection) -> set[str]:
    return {
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    }


def test_an_empty_database_gets_every_migration_in_order(connection: sqlite3.Connection) -> None:
    migrate(connection, [NOTES, AUTHORS, TRIGGER])
    assert version(connection) == 3
    assert connection.execute("SELECT text, author FROM notes").fetchall() == [
        ("one; two", "me"),
        ("three", "me"),
    ]
    assert connection.execute("SELECT text FROM log").fetchall() == [("three",)]


def test_an_older_database_gets_the_migrations_that_it_lacks_and_keeps_its_rows(
    connection: sqlite3.Connection,
) -> None:
    migrate(connection, [NOTES])
    connection.execute("UPDATE notes SET text = 'kept'")
    migrate(connection, [NOTES, AUTHORS])
    assert version(connection) == 2
    assert connection.execute("SELECT text, author FROM notes").fetchall() == [("kept", "me")]


def test_a_database_of_this_version_is_left_alone(connection: sqlite3.Connection) -> None:
    migrate(connection, [NOTES])
    migrate(connection, [NOTES])
    assert connection.execute("SELECT count(*) FROM notes").fetchone() == (1,)


def test_a_migration_that_another_process_was_faster_with_is_not_repeated(
    tmp_path: Path, connection: sqlite3.Connection
) -> None:
    def overtake(statement: str) -> None:
        if statement.startswith("BEGIN"):
            connection.set_trace_callback(None)
            with closing(sqlite3.connect(tmp_path / "x.sqlite3", isolation_level=None)) as faster:
                migrate(faster, [NOTES])

    connection.set_trace_callback(overtake)
    migrate(connection, [NOTES, AUTHORS])
    assert version(connection) == 2
    assert connection.execute("SELECT text, author FROM notes").fetchall() == [("one; two", "me")]


def test_a_migration_that_fails_leaves_nothing_behind(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        migrate(connection, [NOTES, "CREATE TABLE half (x);\nINSERT INTO nowhere VALUES (1);\n"])
    assert version(connection) == 1
    assert tables(connection) == {"notes"}
    assert not connection.in_transaction


def test_a_migration_can_rebuild_a_table_that_others_refer_to(
    connection: sqlite3.Connection,
) -> None:
    first = """
    CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE children (parent_id INTEGER REFERENCES parents (id) ON DELETE CASCADE);
    INSERT INTO parents VALUES (1, 'kept');
    INSERT INTO children VALUES (1);
    """
    rebuild = """
    CREATE TABLE rebuilt (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    INSERT INTO rebuilt SELECT id, name FROM parents;
    DROP TABLE parents;
    ALTER TABLE rebuilt RENAME TO parents;
    """
    migrate(connection, [first, rebuild])
    assert connection.execute("SELECT * FROM children").fetchall() == [(1,)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_database_from_a_newer_program_is_refused(connection: sqlite3.Connection) -> None:
    migrate(connection, [NOTES, AUTHORS])
    with pytest.raises(SchemaTooNew):
        migrate(connection, [NOTES])
    assert version(connection) == 2


def test_the_schema_has_every_table(connection: sqlite3.Connection) -> None:
    migrate(connection)
    assert version(connection) == len(MIGRATIONS)
    assert tables(connection) >= {"conversations", "turns", "replies", "mode_changes"}


def test_replies_of_the_first_version_are_kept_and_can_be_stopped_at_a_leak(
    connection: sqlite3.Connection,
) -> None:
    migrate(connection, MIGRATIONS[:1])
    connection.execute(
        "INSERT INTO conversations VALUES (1, 'A', '2026', '2026', 'instruct', 'Translate', NULL)"
    )
    connection.execute(
        "INSERT INTO turns VALUES (1, 1, NULL, '2026', 'instruct', 0, 'typed', 'text', 'in', 'pre')"
    )
    connection.execute("INSERT INTO replies VALUES (1, 'complete', 'end', '', 'm', NULL, 'kept')")
    migrate(connection)
    connection.execute("PRAGMA foreign_keys = ON")
    assert connection.execute("SELECT text, thinking, stop_reason FROM replies").fetchall() == [
        ("kept", "", "end")
    ]
    assert connection.execute("SELECT standing, task FROM conversations").fetchall() == [
        ("Translate", "")
    ]
    connection.execute("UPDATE replies SET stop_reason = 'leak', thinking = 'hm'")
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("UPDATE replies SET stop_reason = 'nonesuch'")
    connection.execute("DELETE FROM conversations")
    assert connection.execute("SELECT count(*) FROM replies").fetchone() == (0,)


def test_a_database_of_before_can_tell_of_a_reply_that_repeats_itself_and_is_still_searched(
    connection: sqlite3.Connection,
) -> None:
    migrate(connection, MIGRATIONS[:5])
    connection.execute(
        "INSERT INTO conversations (id, title, created_at, updated_at, mode) VALUES (1, '', '', '', 'chat')"
    )
    connection.execute(
        "INSERT INTO turns (id, conversation_id, created_at, mode, in_chat, typed, text, input, prefill) "
        "VALUES (1, 1, '2026', 'chat', 1, 'asked', 'asked', '', '')"
    )
    connection.execute(
        "INSERT INTO replies (turn_id, state, text, thinking) VALUES (1, 'complete', 'before', 'hm')"
    )
    migrate(connection)
    assert connection.execute("SELECT text, thinking FROM replies").fetchall() == [("before", "hm")]

    def found(word: str) -> bool:
        return bool(
            connection.execute(
                "SELECT 1 FROM turn_texts WHERE turn_texts MATCH ?", (word,)
            ).fetchall()
        )

    assert found("before")
    connection.execute("UPDATE replies SET stop_reason = 'repeats', text = 'later'")
    assert found("later")
    assert not found("before")
    connection.execute("DELETE FROM replies")
    assert not found("later")
