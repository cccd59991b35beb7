"""Messages are selected by key or mouse, and acted on."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from modechat.engine.protocol import Generate
from modechat.engine.scripted import last_user_text
from modechat.errors import StoreError
from tests.session.harness import send
from tests.tui.harness import Screen, running_app

CODE = "Here:\n\n```python\nprint(1)\n```\n\nand\n\n```sh\nls -l\n```\n"


def with_code(_request: Generate) -> str:
    return CODE


def selected(screen: Screen) -> tuple[int, bool] | None:
    selection = screen.transcript.selection
    turn_id = selection.turn_id()
    return (turn_id, selection.is_request) if turn_id is not None else None


def copied(screen: Screen) -> str:
    return screen.app.clipboard


async def test_keys_go_from_message_to_message_and_back_to_the_end(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.press("ctrl+up")
        assert selected(screen) is None
        await screen.send("one")
        await screen.send("two")
        seen = []
        for _ in range(5):
            await screen.press("ctrl+up")
            seen.append(selected(screen))
        assert seen == [(2, False), (2, True), (1, False), (1, True), (1, True)]
        await screen.sees("F8 what to do with it")
        for _ in range(4):
            await screen.press("ctrl+down")
        assert selected(screen) is None
        await screen.press("ctrl+up", "escape")
        assert selected(screen) is None


async def test_the_first_key_selects_what_is_in_view(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        for number in range(1, 9):
            await screen.send(f"message {number}")
        await screen.press("pageup")
        await screen.pilot.pause()
        await screen.press("ctrl+up")
        turn_id, _ = selected(screen) or (0, False)
        assert 1 < turn_id < 8
        assert f"message {turn_id}" in screen.text
        assert not screen.transcript.is_following


async def test_the_menu_is_about_the_message_for_which_it_was_opened(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("one")
        await screen.press("f8")
        await screen.sees("Delete with its message")
        assert screen.app.session is not None
        await send(screen.app.session, "two")
        await screen.settled()
        await screen.press("c")
        await screen.until(lambda: copied(screen) == screen.replies[0])
        assert selected(screen) == (1, False)


async def test_a_click_selects_and_unselects(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("hello")
        await screen.pilot.click(".request", offset=(3, 0))
        await screen.until(lambda: selected(screen) == (1, True))
        await screen.pilot.click(".reply", offset=(4, 1))
        await screen.until(lambda: selected(screen) == (1, False))
        await screen.pilot.click(".reply", offset=(4, 1))
        await screen.until(lambda: selected(screen) is None)
        assert screen.prompt.area.has_focus


async def test_the_menu_copies_the_source_and_code_by_its_number(tmp_path: Path) -> None:
    async with running_app(tmp_path, with_code) as screen:
        await screen.send("hello")
        await screen.press("f8")
        await screen.sees("Copy code block 2: sh, 1 line")
        await screen.press("c")
        await screen.until(lambda: copied(screen) == CODE.strip())
        await screen.press("f8")
        await screen.sees("Copy code block 2")
        await screen.press("2")
        await screen.until(lambda: copied(screen) == "ls -l")
        await screen.press("ctrl+up", "ctrl+up", "enter")  # Enter at the empty prompt
        await screen.sees("Copy as it was written")
        await screen.press("enter")
        await screen.until(lambda: copied(screen) == "hello")


async def test_a_click_on_the_title_of_code_copies_it(tmp_path: Path) -> None:
    async with running_app(tmp_path, with_code, size=(80, 40)) as screen:
        await screen.send("hello")
        await screen.pilot.click(".reply", offset=(6, 3))
        await screen.until(lambda: copied(screen) == "print(1)")
        assert selected(screen) is None


async def test_code_is_saved_to_a_file_and_an_old_one_replaced_only_when_asked_twice(
    tmp_path: Path,
) -> None:
    target = tmp_path / "out.py"
    target.write_text("old")

    async with running_app(tmp_path / "data", with_code) as screen:
        await screen.send("hello")
        await screen.press("f8")
        await screen.sees("Save code block 1")
        await screen.press("down", "down", "down", "enter")
        await screen.sees("Save the code")
        await screen.press("ctrl+a", "ctrl+k")
        await screen.type(str(target))
        await screen.press("enter")
        await screen.sees("is there already")
        assert target.read_text() == "old"
        await screen.press("enter")
        await screen.until(lambda: target.read_text() == "print(1)\n")
        await screen.sees("Message, or ### Instruction")


@pytest.mark.parametrize("leads_to", ["a file", "nothing"])
async def test_a_link_where_code_is_saved_is_asked_about_and_replaced_not_followed(
    tmp_path: Path, leads_to: str
) -> None:
    precious, target = tmp_path / "precious", tmp_path / "out.py"
    target.symlink_to(precious)
    if leads_to == "a file":
        precious.write_text("precious")

    async with running_app(tmp_path / "data", with_code) as screen:
        await screen.send("hello")
        await screen.press("f8")
        await screen.sees("Save code block 1")
        await screen.press("down", "down", "down", "enter")
        await screen.sees("Save the code")
        await screen.press("ctrl+a", "ctrl+k")
        await screen.type(str(target))
        await screen.press("enter")
        await screen.sees("is there already")
        await screen.press("enter")
        await screen.until(lambda: not target.is_symlink() and target.read_text() == "print(1)\n")
        await screen.sees("Message, or ### Instruction")
    assert (precious.read_text() == "precious") if leads_to == "a file" else not precious.exists()


async def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    async with running_app(tmp_path, with_code) as screen:
        await screen.send("hello")
        await screen.press("f8")
        await screen.sees("Save code block 1")
        await screen.press("down", "down", "down", "enter")
        await screen.sees("Save the code")
        await screen.type("/no/such/folder/")
        await screen.press("enter")
        await screen.sees("It could not be written")


async def test_a_message_is_edited_and_sent_again(tmp_path: Path) -> None:
    async with running_app(tmp_path, lambda request: f"re {last_user_text(request)}") as screen:
        await screen.send("one")
        await screen.send("two")
        await screen.press("ctrl+up", "ctrl+up", "ctrl+up", "f8")
        await screen.sees("Edit the message")
        await screen.press("e")
        await screen.sees("editing a message")
        assert screen.prompt.text == "one"
        await screen.type(" more")
        await screen.press("enter")
        await screen.settled()
        await screen.until(lambda: screen.replies == ["re one more"])
        assert "editing a message" not in screen.text
        await screen.press("alt+left")
        await screen.until(lambda: screen.replies == ["re one", "re two"])
        await screen.sees("Variant 1 of 2.")


async def test_escape_leaves_the_message_as_it_was(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("one")
        await screen.type("/edit")
        await screen.press("enter")
        await screen.sees("editing a message")
        await screen.press("escape")
        await screen.until(lambda: screen.prompt.text == "")
        await screen.send("two")
        assert screen.replies == ["You said: one", "You said: two"]


async def edit_last(screen: Screen) -> None:
    await screen.press("f8")
    await screen.sees("Edit the message")
    await screen.press("e")
    await screen.sees("editing a message")


async def test_what_was_typed_before_a_message_is_edited_comes_back(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("one")
        for key in ("escape", "enter"):
            await screen.type("my draft")
            await edit_last(screen)
            assert screen.prompt.text == "one"
            await screen.press(key)
            await screen.settled()
            assert screen.prompt.text == "my draft"
            await screen.press("ctrl+u")


async def test_another_conversation_ends_the_editing_and_nothing_typed_is_lost(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("one")
        await screen.type("my draft")
        await edit_last(screen)
        await screen.type(" more")
        await screen.press("ctrl+n")
        await screen.until(lambda: not screen.transcript.turns)
        assert "editing a message" not in screen.text
        await screen.send("new message")
        assert len(screen.replies) == 1
        await screen.type("/open 1")
        await screen.press("enter")
        await screen.until(lambda: screen.prompt.text == "my draft\n\none more")


async def test_a_variant_far_above_is_in_view_and_can_be_left_again(tmp_path: Path) -> None:
    async with running_app(tmp_path, lambda request: f"re {last_user_text(request)}") as screen:
        for number in range(1, 14):
            await screen.send(f"message {number}")
        await screen.press("ctrl+up", "ctrl+up", *["ctrl+up"] * 4)
        await edit_last(screen)
        await screen.press("ctrl+u")
        await screen.send("edited")
        assert "re edited" in screen.text
        await screen.press("alt+left")
        await screen.sees("Variant 1 of 2")
        await screen.sees("message 11")
        assert selected(screen) == (11, True)
        await screen.press("alt+right")
        await screen.sees("Variant 2 of 2")
        await screen.sees("re edited")


async def test_a_reply_is_quoted_at_the_prompt(tmp_path: Path) -> None:
    async with running_app(tmp_path, lambda _request: "first\n\nsecond") as screen:
        await screen.send("hello")
        await screen.press("f8", "q")
        await screen.until(lambda: screen.prompt.text == "> first\n>\n> second\n\n")


async def test_a_turn_is_deleted_after_asking(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        for text in ("one", "two", "three"):
            await screen.send(text)
        await screen.press(*["ctrl+up"] * 3, "f8")
        await screen.sees("Delete with its message")
        await screen.press("d")
        await screen.sees("for good?")
        await screen.press("escape")
        await screen.sees("Message, or ### Instruction")
        assert len(screen.replies) == 3
        await screen.press("f8", "d")
        await screen.sees("for good?")
        await screen.press("enter")
        await screen.until(lambda: screen.replies == ["You said: one", "You said: three"])


async def test_an_instruct_turn_far_above_is_added_to_the_chat(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("### Instruction\nDo it")
        await screen.send("chat")
        await screen.press(*["ctrl+up"] * 3, "f8")
        await screen.sees("Add to the chat")
        await screen.press("a")
        await screen.sees("added to the chat")


async def test_nothing_is_done_to_a_message_while_a_reply_runs(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def pace() -> None:
        await gate.wait()

    async with running_app(tmp_path, pace=pace) as screen:
        await screen.type("hello")
        await screen.press("enter")
        await screen.until(lambda: len(screen.transcript.turns) == 1)
        await screen.press("f8", "d")
        await screen.sees("for good?")
        await screen.press("enter")
        await screen.until(
            lambda: screen.app.screen.id != "confirm" and len(screen.app.screen_stack) == 1
        )
        assert len(screen.transcript.turns) == 1
        gate.set()
        await screen.settled()


async def save_code_in(screen: Screen) -> None:
    """Open the dialog that saves the first code block of the last reply."""
    await screen.send("hello")
    await screen.press("f8")
    await screen.sees("Save code block 1")
    await screen.press("down", "down", "down", "enter")
    await screen.sees("Save the code")


async def test_code_is_saved_where_the_working_folder_was_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, home = tmp_path / "gone", tmp_path / "home"
    gone.mkdir()
    home.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.setenv("HOME", str(home))
    async with running_app(tmp_path / "data", with_code) as screen:
        gone.rmdir()
        await save_code_in(screen)
        await screen.press("enter")
        await screen.until((home / "snippet.py").exists)
        await screen.sees("Code block 1 is in")


async def test_a_file_that_hangs_keeps_the_program_not_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    goes_on = threading.Event()

    def hang(_path: Path) -> bool:
        threads.append(threading.current_thread())
        goes_on.wait()
        return False

    async with running_app(tmp_path, with_code) as screen:
        await save_code_in(screen)
        monkeypatch.setattr("modechat.tui.screens.save_code.lexists", hang)
        await screen.press("enter")
        await screen.until(lambda: bool(threads))
        await screen.press("escape")
        await screen.sees("Message, or ### Instruction")
        goes_on.set()  # or this test would wait for a thread that is no daemon
    assert all(thread.daemon for thread in threads)


async def test_a_disk_that_refuses_while_the_menu_opens_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_turn_id: int) -> int:
        raise StoreError("The conversations cannot be read", "Look at the disk.")

    async with running_app(tmp_path) as screen:
        await screen.send("one")
        assert screen.app.session is not None
        monkeypatch.setattr(screen.app.session.turns, "variants", refuse)
        await screen.press("ctrl+up", "enter")
        await screen.sees("The conversations cannot be read")
        await screen.send("two")
        assert len(screen.replies) == 2


async def test_the_menu_that_opens_while_the_program_closes_ends_in_no_traceback(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("one")
        assert screen.app.session is not None
        await screen.press("ctrl+up")
        await screen.app._close_session()
        await screen.press("enter")
        await screen.sees("closed")
