"""What a disk, or another program, did to the database: it is told, and no other error comes of it,
and no hang.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from modechat.domain.conversation import (
    ContextCut,
    ModeChange,
    Reply,
    ReplyState,
    ReplyStats,
    StopReason,
)
from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import ChatMessage, Task
from modechat.domain.typed import Typed
from modechat.errors import StoreError
from modechat.store import ConversationDamaged, Store
from modechat.store.database import FILE_NAME

if TYPE_CHECKING:
    from tests.store.conftest import Clock

SECONDS = 20
STATS = ReplyStats("chatml", "gguf", 1, 0, 2, 0.1, 3.0, 4)
DEEP = "[" * 100_000


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a database with two conversations that have everything."""
    folder = tmp_path_factory.mktemp("whole")
    store = Store.open(folder, lambda: datetime(2026, 1, 1, tzinfo=UTC))
    for title in ("first", "second"):
        number = store.create_conversation(title, ModeState()).id
        one = store.add_turn(number, None, "hi", ChatMessage("hi"), True)
        two = store.add_turn(number, one.id, "do it", Task("do it", "this", "So"), False)
        three = store.add_turn(number, two.id, "bye", ChatMessage("bye"), True)
        for turn in (one, two, three):
            store.save_reply(
                turn.id, Reply("Hello", ReplyState.COMPLETE, StopReason.END, "", "m", STATS, "hm")
            )
        store.add_mode_change(
            number, ModeChange(three.id, ModeState(Mode.INSTRUCT, "Translate"), "### Instruction")
        )
        store.add_cut(number, ContextCut(three.id, one.id, "They greeted."))
        store.inputs.add(Typed(f"hi {title}", ((0, 2),)), number)
        store.inputs.save_draft(number, Typed("draft", ((0, 5),)))
    store.close()
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder


@pytest.fixture
def damaged(whole: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes a copy of the whole one and does something to it."""

    def damage(*statements: str, **values: object) -> Path:
        folder = tmp_path / "damaged"
        shutil.copytree(whole, folder)
        with closing(sqlite3.connect(folder / FILE_NAME)) as connection, connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            connection.execute("PRAGMA writable_schema = ON")
            for statement in statements:
                connection.execute(statement, values)
        return folder

    return damage


def everything(store: Store) -> Iterator[Callable[[], object]]:
    """Whatever the program asks of a store."""
    yield store.summaries
    yield store.latest_id
    yield lambda: store.search("hello")
    yield lambda: store.search("你好")
    yield store.inputs.sent
    for number in (1, 2):
        yield lambda number=number: store.conversation(number)  # type: ignore[misc]
        yield lambda number=number: store.preview(number)  # type: ignore[misc]
        yield lambda number=number: store.inputs.draft(number)  # type: ignore[misc]
        yield lambda number=number: store.mark_interrupted(number)  # type: ignore[misc]
        yield lambda number=number: store.started_at(number)  # type: ignore[misc]
    for turn in (1, 3):
        yield lambda turn=turn: store.variants(turn)  # type: ignore[misc]
        yield lambda turn=turn: store.select(turn)  # type: ignore[misc]
    yield lambda: store.save_reply(1, Reply("new", ReplyState.COMPLETE))
    yield lambda: store.add_turn(1, 3, "more", ChatMessage("more"), True)
    yield lambda: store.inputs.add(Typed("more"), 1)
    yield lambda: store.delete_turn(2)
    yield lambda: store.delete(1)
    yield lambda: store.create_conversation("new", ModeState())


def use(folder: Path, clock: Clock) -> list[StoreError]:
    """Ask everything; what was told. Any other error is raised, and a hang too."""
    told: list[StoreError] = []
    done = threading.Event()

    def interrupt() -> None:
        if not done.wait(SECONDS) and store is not None:
            store._database._connection.interrupt()

    store: Store | None = None
    watch = threading.Thread(target=interrupt, daemon=True)
    watch.start()
    try:
        store = Store.open(folder, clock)
    except StoreError as error:
        done.set()
        return [error]
    try:
        for ask in everything(store):
            try:
                ask()
            except StoreError as error:
                told.append(error)
    finally:
        done.set()
        store.close()
    assert not [error for error in told if "interrupted" in error.title]
    return told


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("conversations", "title", b"\xff\x00"),
        ("conversations", "created_at", "yesterday"),
        ("conversations", "created_at", "2026-01-01"),
        ("conversations", "created_at", "0001-01-01T00:00:00+00:00"),
        ("conversations", "created_at", b"2026"),
        ("conversations", "mode", "poem"),
        ("conversations", "mode", b"chat"),
        ("conversations", "standing", b"x"),
        ("conversations", "task", b"x"),
        ("conversations", "settings", b"{}"),
        ("conversations", "head_id", "last"),
        ("conversations", "head_id", 999),
        ("conversations", "head_id", 4),
        ("turns", "created_at", "9999-12-31T23:59:59+00:00"),
        ("turns", "mode", ""),
        ("turns", "typed", b"hi"),
        ("turns", "text", b"hi"),
        ("turns", "parent_id", b"x"),
        ("turns", "parent_id", 999),
        ("turns", "parent_id", 3),
        ("turns", "input", b"x"),
        ("replies", "state", "sleeping"),
        ("replies", "state", b"complete"),
        ("replies", "stop_reason", "bored"),
        ("replies", "text", b"hi"),
        ("replies", "thinking", b"hi"),
        ("replies", "error", b"hi"),
        ("replies", "model", b"hi"),
        ("mode_changes", "mode", "poem"),
        ("mode_changes", "typed", b"x"),
        ("context_cuts", "summary", b"x"),
        ("context_cuts", "left_turn_id", "x"),
    ],
)
def test_a_damaged_conversation_is_named_and_the_other_one_can_be_read(
    damaged: Callable[..., Path], clock: Clock, table: str, column: str, value: object
) -> None:
    key = {"conversations": "id", "turns": "id", "replies": "turn_id"}.get(table, "conversation_id")
    number = 2 if column == "input" else 1  # the first turn is no task: it has no input
    folder = damaged(f"UPDATE {table} SET {column} = :value WHERE {key} = {number}", value=value)
    store = Store.open(folder, clock)
    assert {summary.id for summary in store.summaries()} == {1, 2}
    with pytest.raises(ConversationDamaged, match="Conversation 1 is damaged") as caught:
        store.conversation(1)
    assert (caught.value.exit_code, "/delete 1" in caught.value.hint) == (7, True)
    assert [turn.typed for turn in store.conversation(2).turns] == ["hi", "do it", "bye"]
    store.delete(1)
    assert [summary.id for summary in store.summaries()] == [2]
    store.close()


@pytest.mark.parametrize(
    "stats",
    ["{", "[]", "null", "5", DEEP, b"{}", "{}", '{"format": 1}', "1" * 5000]
    + [
        f'{{"format": "a", "format_source": "b", "prompt_tokens": {wrong}, "reused_tokens": 0, "completion_tokens": 1,'
        ' "seconds_to_first_token": 1, "tokens_per_second": 1, "seed": 1}'
        for wrong in (
            '"x"',
            "NaN",
            "1e999",
            "Infinity",
            "[]",
            "true",
            "1.5",
            "null",
            "1" + 40 * "0",
        )
    ],
)
def test_damaged_figures_cost_only_the_figures(
    damaged: Callable[..., Path], clock: Clock, stats: object
) -> None:
    folder = damaged("UPDATE replies SET stats = :stats WHERE turn_id = 1", stats=stats)
    store = Store.open(folder, clock)
    first = store.conversation(1).turns[0]
    assert (first.reply.text, first.reply.stats) == ("Hello", None)
    store.close()


@pytest.mark.parametrize(
    "folds", ["null", "5", "[[1]]", '[["a", "b"]]', "{}", "[[0, 99]]", "[[0, 1.5]]", "", b"x", DEEP]
)
def test_damaged_folds_cost_only_the_folds(
    damaged: Callable[..., Path], clock: Clock, folds: object
) -> None:
    changes = [f"UPDATE {table} SET folds = :folds" for table in ("input_history", "drafts")]
    store = Store.open(damaged(*changes, folds=folds), clock)
    assert [entry.text for entry in store.inputs.sent()] == ["hi second", "hi first"]
    assert store.inputs.draft(1) == Typed("draft")
    store.close()


def test_an_input_that_is_no_text_is_left_out(damaged: Callable[..., Path], clock: Clock) -> None:
    changes = [
        f"UPDATE {table} SET text = :text WHERE conversation_id = 1"
        for table in ("input_history", "drafts")
    ]
    store = Store.open(damaged(*changes, text=b"x"), clock)
    assert [entry.text for entry in store.inputs.sent()] == ["hi second"]
    assert store.inputs.draft(1) == Typed()
    store.close()


def test_a_byte_that_is_no_text_is_seen_and_the_rest_can_be_read(
    damaged: Callable[..., Path], clock: Clock
) -> None:
    change = (
        "UPDATE turns SET typed = CAST(:bytes AS TEXT), text = CAST(:bytes AS TEXT) WHERE id = 1"
    )
    store = Store.open(damaged(change, bytes=b"caf\xe9!"), clock)
    assert store.conversation(1).turns[0].typed == "caf\ufffd!"
    store.close()


@pytest.mark.parametrize(
    "settings", ["{", "[]", "null", DEEP, '{"sampling": {"temperature": "hot"}}']
)
def test_damaged_settings_of_its_own_are_left_out(
    damaged: Callable[..., Path], clock: Clock, settings: str
) -> None:
    store = Store.open(
        damaged("UPDATE conversations SET settings = :settings", settings=settings), clock
    )
    own = store.conversation(1).own
    assert own is not None
    assert own.is_empty
    store.close()


@pytest.mark.parametrize("parent", [1, 2, 3])
def test_a_circle_of_parents_hangs_nothing(
    damaged: Callable[..., Path], clock: Clock, parent: int
) -> None:
    folder = damaged(f"UPDATE turns SET parent_id = {parent} WHERE id = 1")
    assert any(isinstance(error, ConversationDamaged) for error in use(folder, clock))


@pytest.mark.parametrize(
    "statement",
    [
        "PRAGMA user_version = -1",
        "PRAGMA user_version = 0",
        "PRAGMA user_version = 2",
        "DROP TABLE replies",
        "DROP TABLE turn_texts",
        "ALTER TABLE turns RENAME COLUMN typed TO tiped",
        "UPDATE sqlite_master SET sql = 'CREATE TABLE turns (x' WHERE name = 'turns'",
        "UPDATE sqlite_master SET sql = CAST(x'fffe' AS TEXT) WHERE name = 'turns'",
        "UPDATE sqlite_master SET name = CAST(x'ff' AS TEXT), tbl_name = CAST(x'ff' AS TEXT) WHERE name = 'turns'",
        "UPDATE sqlite_master SET rootpage = 9999",
        "DELETE FROM sqlite_master WHERE type = 'table'",
        "UPDATE sqlite_sequence SET seq = 'x'",
    ],
)
def test_a_damaged_schema_is_told_as_damage(
    damaged: Callable[..., Path], clock: Clock, statement: str
) -> None:
    told = use(damaged(statement), clock)
    assert all("damaged" in error.title for error in told), told
    assert told or "sequence" in statement


@pytest.mark.parametrize("seed", range(12))
def test_whatever_bytes_are_flipped_it_is_told(
    whole: Path, tmp_path: Path, clock: Clock, seed: int
) -> None:
    """Bytes in all of the file, and as many in the names and statements of the schema."""
    chance = random.Random(seed)
    data = (whole / FILE_NAME).read_bytes()
    names = (b"CREATE", b"INTEGE", b"turns ", b"repli")
    text = [at for at in range(len(data)) if data[at : at + 6] in names]
    for number in range(8):
        folder = tmp_path / str(number)
        folder.mkdir()
        flipped = bytearray(data)
        for _ in range(chance.choice((1, 3, 30))):
            at = (
                chance.randrange(len(data))
                if chance.random() < 0.5
                else chance.choice(text) + chance.randrange(20)
            )
            flipped[min(at, len(data) - 1)] ^= 1 << chance.randrange(8)
        (folder / FILE_NAME).write_bytes(flipped)
        use(folder, clock)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_values_are_put_in_it_is_told(
    damaged: Callable[..., Path], clock: Clock, seed: int
) -> None:
    chance = random.Random(seed)
    columns = {
        "conversations": (
            "title",
            "created_at",
            "updated_at",
            "mode",
            "standing",
            "head_id",
            "task",
            "settings",
        ),
        "turns": (
            "conversation_id",
            "parent_id",
            "created_at",
            "mode",
            "in_chat",
            "typed",
            "text",
            "pinned",
            "task",
        ),
        "replies": ("state", "stop_reason", "error", "model", "stats", "text", "thinking"),
        "mode_changes": ("conversation_id", "after_turn_id", "mode", "standing", "typed", "task"),
        "context_cuts": ("conversation_id", "after_turn_id", "left_turn_id", "summary"),
        "input_history": ("conversation_id", "text", "folds"),
        "drafts": ("text", "folds"),
    }
    values = [
        b"",
        b"\xff\x00",
        "",
        "x",
        "\x00",
        0,
        -1,
        2,
        2**63 - 1,
        -(2**63),
        1.5,
        float("inf"),
        "[" * 5000,
        "null",
    ]
    folder = damaged()
    for number in range(12):
        copy = folder.with_name(str(number))
        shutil.copytree(folder, copy)
        with closing(sqlite3.connect(copy / FILE_NAME)) as connection, connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            for _ in range(chance.choice((1, 2, 6))):
                table = chance.choice(list(columns))
                column = chance.choice(columns[table])
                row = chance.randrange(1, 7)
                sql = f"UPDATE OR IGNORE {table} SET {column} = ? WHERE rowid = ?"
                connection.execute(sql, (chance.choice(values), row))
        use(copy, clock)
