"""The end of a log file that grows, is cut, replaced or absent."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import pytest

from modechat.log_tail import LogTail


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "engine.log"


def test_a_file_that_is_absent_has_no_lines_until_it_is_there(file: Path) -> None:
    tail = LogTail(file)
    assert tail.read() == ([], False)
    file.write_text("one\n")
    assert tail.read() == (["one"], True)


def test_only_what_is_new_is_read(file: Path) -> None:
    file.write_text("one\ntwo\nhal")
    tail = LogTail(file)
    assert tail.read()[0] == ["one", "two"]
    assert tail.read() == ([], False)
    with file.open("a") as log:
        log.write("f\nmore\n")
    assert tail.read() == (["half", "more"], False)


def test_a_file_that_was_cut_begins_anew(file: Path) -> None:
    file.write_text("one\ntwo\n")
    tail = LogTail(file)
    tail.read()
    file.write_text("new\n")
    assert tail.read() == (["new"], True)


def test_a_file_in_its_place_begins_anew(file: Path, tmp_path: Path) -> None:
    file.write_text("one\n")
    tail = LogTail(file)
    tail.read()
    other = tmp_path / "other"
    other.write_text("another, which is longer\n")
    other.replace(file)
    assert tail.read() == (["another, which is longer"], True)


def test_a_file_that_is_replaced_while_it_is_read_is_another_one_the_next_time(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("one\n")
    other = tmp_path / "other"
    other.write_text("another, which is longer\n")
    opens = Path.open

    def open_and_replace(path: Path, mode: str) -> IO[Any]:
        opened = opens(path, mode)
        if other.exists():
            other.replace(file)
        return opened

    monkeypatch.setattr(Path, "open", open_and_replace)
    tail = LogTail(file)
    assert tail.read() == (["one"], True)
    assert tail.read() == (["another, which is longer"], True)


def test_only_the_end_of_a_huge_file_is_read(file: Path) -> None:
    file.write_bytes(b"".join(b"line %d\n" % number for number in range(100_000)))
    lines, _ = LogTail(file).read()
    assert lines[-1] == "line 99999"
    assert lines[0].startswith("line ")
    assert len(lines) < 40_000


def test_a_line_without_end_and_bytes_that_are_no_text_are_no_trouble(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00\n" + b"x" * 1_000_000)
    tail = LogTail(file)
    tail.read()
    with file.open("ab") as log:
        log.write(b"\nnext\n")
    lines, _ = tail.read()
    assert lines[-1] == "next"
    assert all(len(line) <= 1000 for line in lines)


def test_a_folder_in_its_place_has_no_lines(file: Path) -> None:
    file.mkdir()
    assert LogTail(file).read() == ([], False)
