"""Files are listed and read with care."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from modechat.domain.modes import Incomplete
from modechat.domain.typed import Typed
from modechat.session import attachments
from modechat.session.attachments import FileEntry, attach, list_folder, mentioned_files, size_text


def test_a_folder_is_listed_with_sizes_folders_first(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("12345")
    (tmp_path / "A.bin").write_bytes(b"\x00")
    (tmp_path / "z").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert list_folder(tmp_path) == (
        FileEntry("z", is_folder=True),
        FileEntry("A.bin", size=1, is_binary=True),
        FileEntry("b.txt", size=5),
    )
    assert list_folder(tmp_path / "nowhere") == ()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfhi\r\n", "hi"),
        ("hé".encode("utf-16"), "hé"),
        (b"a\rb", "a\nb"),
    ],
)
def test_texts_are_read_as_their_marks_say(data: bytes, text: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(data)
    assert attach(Typed("@f"), tmp_path) == f"f:\n```\n{text}\n```"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\xfe\xff", "is not a text in UTF-8"),
        (b"a\x00b", "is not a text"),
        (b"x" * 100, "has 100 B; at most 50 B"),
    ],
)
def test_what_cannot_be_attached_is_refused(
    data: bytes, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "LARGEST", 50)
    (tmp_path / "f").write_bytes(data)
    refused = attach(Typed("@f"), tmp_path)
    assert isinstance(refused, Incomplete)
    assert reason in refused.reason


def test_what_is_no_file_is_text(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for text in ("@pipe", "@/dev/zero", "@.", "@no\x00where", "@~nobody/x", "@" + "x" * 5000):
        assert attach(Typed(text), tmp_path) == text


def test_a_file_that_cannot_be_opened_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").write_text("x")

    def refuse(*_: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert attach(Typed("@f"), tmp_path) == Incomplete("f cannot be read: Permission denied.")


def test_the_size_of_all_files_is_known_before_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("123")
    (tmp_path / "b").write_text("4567")
    assert mentioned_files(Typed("@a, @b and @c, not \\@a"), tmp_path) == {"a": 3, "b": 4}
    assert [size_text(size) for size in (1, 1500, 2_500_000)] == ["1 B", "1.5 kB", "2.5 MB"]
