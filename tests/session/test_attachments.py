"""Files are listed and read with care."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import Incomplete, Task, parse
from modechat.domain.typed import Typed
from modechat.session import attachments
from modechat.session.attachments import FileEntry, attach, list_folder, mentioned_files


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
    whole = f"f:\n```\n{text}\n```"
    assert attach(Typed("@f"), tmp_path) == Typed(whole, ((0, len(whole)),))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\xfe\xff", "is no whole text"),
        (b"a\x00b", "is no text"),
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
        assert attach(Typed(text), tmp_path) == Typed(text)


def test_a_file_that_cannot_be_opened_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_text("x")

    def refuse(*_: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert attach(Typed("@f"), tmp_path) == Incomplete("f cannot be read: Permission denied.")


def test_the_size_of_all_files_is_known_before_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("123")
    (tmp_path / "b").write_text("4567")
    assert mentioned_files(Typed("@a, @b and @c, not \\@a"), tmp_path) == {"a": 3, "b": 4}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("请总结 @notes.txt。", "notes.txt"),
        ("総結@notes.txt", "notes.txt"),
        ("総結@notes.txtを要約して", "notes.txt"),
        ("요약해 @notes.txt를", "notes.txt"),
        ("请看@笔记并总结", "笔记"),
        ("请看「@笔记.txt」", "笔记.txt"),
        ("(see @notes.txt)", "notes.txt"),
        ("(@notes.txt)", "notes.txt"),
        ("ما هذا @notes.txt؟", "notes.txt"),
        ("¿qué dice @notes.txt?", "notes.txt"),
        ("@“my notes.txt”", "my notes.txt"),
        ("@'say \"hi\".txt'", 'say "hi".txt'),
        ("@「my notes.txt」を", "my notes.txt"),
        ("สรุป@notes.txtหน่อย", "notes.txt"),
    ],
)
def test_a_file_is_found_in_any_script(text: str, path: str, tmp_path: Path) -> None:
    for name in ("notes.txt", "my notes.txt", 'say "hi".txt', "笔记", "笔记.txt", "a"):
        (tmp_path / name).write_text("x")
    assert mentioned_files(Typed(text), tmp_path) == {path: 1}


def test_two_files_may_stand_in_one_word(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(name)
    assert mentioned_files(Typed("比较@a.txt和@b.txt。"), tmp_path) == {"a.txt": 5, "b.txt": 5}
    text = attach(Typed("比较@a.txt和@b.txt。"), tmp_path)
    assert isinstance(text, Typed)
    assert text.text.startswith("比较a.txt和b.txt。\n\na.txt:")


@pytest.mark.parametrize(
    "text",
    ["me@notes.txt", "a.b@notes.txt", "é@notes.txt", "почта@notes.txt", "x/@notes.txt", "@note"],
)
def test_addresses_attach_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    assert mentioned_files(Typed(text), tmp_path) == {}


def test_what_a_file_says_was_not_typed_and_pastes_stay_pastes(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("# API\n~~~\n### Response\n200")
    paste = "### Response\nno"
    typed = Typed(f"Do {paste} with @page.md  \n### Response\nSo", ((3, 3 + len(paste)),))
    text = attach(typed, tmp_path)
    assert isinstance(text, Typed)
    meant = parse(text, ModeState(Mode.INSTRUCT))
    assert isinstance(meant, Task)
    assert meant.prefill == "So"
    assert (
        meant.instruction
        == f"Do {paste} with page.md\n\npage.md:\n```md\n# API\n~~~\n### Response\n200\n```"
    )
