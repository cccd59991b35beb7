"""The way of a chat turn from the key to its row on disk: each file hands it to the next one, and none gets it back."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

import pytest

import modechat
from modechat.commands.outbox import WorkQueue
from modechat.session import turn_changes
from modechat.session.disk import Disk
from modechat.store import additions
from tests.tui.harness import running_app

PACKAGE = Path(modechat.__file__).parent
MOST_FILES = 13


def files_on_stack() -> Iterator[str]:
    """The files of the package that called each other down to here, outermost first."""
    for frame in traceback.extract_stack():
        path = Path(frame.filename)
        if path.is_relative_to(PACKAGE):
            yield str(path.relative_to(PACKAGE))


async def test_a_turn_goes_from_key_to_row_through_few_files_and_never_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: list[list[str]] = []

    def watch(owner: object, name: str, is_wanted: Callable[..., bool]) -> None:
        original = getattr(owner, name)

        def watched(*args: object, **kwargs: object) -> object:
            if is_wanted(*args):
                parts.append([*files_on_stack()])
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, watched)

    def adds_turn(_disk: Disk, _work: Callable[..., object], *arguments: object) -> bool:
        return turn_changes.add_turn in arguments

    def inserts_turn(_connection: object, sql: str, _columns: object) -> bool:
        return "INTO turns" in sql

    async with running_app(tmp_path) as screen:
        await screen.settled()
        await screen.type("hello")
        watch(WorkQueue, "put", lambda *_arguments: True)  # from the key to the queue
        watch(Disk, "run", adds_turn)  # from the queue to the thread of the disk
        watch(additions, "_insert", inserts_turn)  # from there to the row
        await screen.press("enter")
        await screen.settled()

    assert len(parts) == 3
    way = [file for file, _ in groupby(file for part in parts for file in part)]
    way = way[way.index("tui/widgets/prompt/area.py") :]
    assert len(set(way)) == len(way), f"it comes back: {way}"
    assert len(way) <= MOST_FILES, way
