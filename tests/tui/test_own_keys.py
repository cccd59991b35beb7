"""Keys that the user has chosen, on the screen."""

from __future__ import annotations

from pathlib import Path

from modechat.commands.keymap import read_keymap
from modechat.tui.look import Look
from tests.tui.harness import running_app


async def test_an_action_is_done_by_the_users_key_and_not_by_the_usual_one(tmp_path: Path) -> None:
    keymap, _ = read_keymap({"toggle_mode": "alt+m", "help": "f12", "inspect": ""})
    async with running_app(tmp_path, look=Look(keymap=keymap), size=(100, 24)) as screen:
        await screen.sees("Enter sends · Alt+M mode · Ctrl+P commands · F12 help")
        await screen.sees("F12 shows the keys")
        await screen.press("shift+tab")
        await screen.press("f1", "f2")
        await screen.press("alt+m")
        await screen.sees("» instruct")
        await screen.press("f12")
        await screen.sees("Alt+M")
        assert "Shift+Tab" not in screen.text.replace("Shift+Enter", "")
        await screen.press("f12")
        await screen.sees("What should be done?")


async def test_a_message_is_sent_by_the_users_key_and_enter_begins_a_new_line_then(
    tmp_path: Path,
) -> None:
    keymap, _ = read_keymap({"send": "ctrl+s"})
    async with running_app(tmp_path, look=Look(keymap=keymap)) as screen:
        await screen.sees("Ctrl+S sends")
        await screen.type("one")
        await screen.press("enter")
        await screen.type("two")
        assert screen.prompt.text == "one\ntwo"
        await screen.press("ctrl+s")
        await screen.settled()
        assert screen.prompt.text == ""


async def test_the_prompts_edits_have_the_users_keys(tmp_path: Path) -> None:
    keymap, _ = read_keymap(
        {"undo": "alt+u", "delete_word": "", "toggle_mode": "ctrl+w", "newline": "alt+n"}
    )
    async with running_app(tmp_path, look=Look(keymap=keymap)) as screen:
        await screen.type("word")
        await screen.press("ctrl+underscore", "shift+enter")
        assert screen.prompt.text == "word"
        await screen.press("alt+n")
        assert screen.prompt.text == "word\n"
        await screen.press("alt+u")
        assert screen.prompt.text == "word"
        await screen.press("ctrl+w")
        await screen.sees("» instruct")
        assert screen.prompt.text == "word"


async def test_the_way_out_and_the_palette_have_the_users_keys_on_every_screen(
    tmp_path: Path,
) -> None:
    keymap, _ = read_keymap({"quit": "ctrl+b", "palette": "f9", "toggle_in_chat": "ctrl+p"})
    async with running_app(tmp_path, look=Look(keymap=keymap)) as screen:
        await screen.press("f1")
        await screen.sees("Help")
        await screen.press("ctrl+q", "ctrl+p")
        await screen.press("f9")
        await screen.sees("Type to find")
        await screen.press("escape", "ctrl+b")
        await screen.until(lambda: screen.app._exit)


async def test_dialogs_have_and_name_the_users_keys(tmp_path: Path) -> None:
    own = {"help": "f12", "show_log": "alt+l", "choose_model": "f1", "compare": "alt+v"}
    keymap, _ = read_keymap(own)
    async with running_app(tmp_path, look=Look(keymap=keymap), size=(100, 24)) as screen:
        await screen.settled()
        await screen.press("alt+l")
        await screen.sees("type to filter · F12 help")
        await screen.press("f1", "f12")
        await screen.sees("Here: Log")
        await screen.press("f12")
        await screen.sees("F12 help")
        await screen.press("alt+l")
        await screen.until(lambda: len(screen.app.screen_stack) == 1)
        await screen.press("f1")
        await screen.sees("Models")
        await screen.press("f1")
        await screen.until(lambda: len(screen.app.screen_stack) == 1)
        await screen.type("Hi")
        await screen.press("alt+v")
        await screen.sees("Enter asks")
        await screen.press("e")
        await screen.sees("Enter changes · Alt+V asks")
        await screen.press("f12")
        await screen.sees("Alt+V, Ctrl+S")
        await screen.press("f12", "alt+v")
        await screen.sees("Enter keeps")


async def test_dialogs_name_no_key_for_the_help_that_has_none(tmp_path: Path) -> None:
    keymap, _ = read_keymap({"help": "", "compare": ""})
    async with running_app(tmp_path, look=Look(keymap=keymap), size=(100, 24)) as screen:
        await screen.press("f12")
        await screen.sees("Esc closes · type to filter ─")


async def test_a_usual_key_that_is_lost_is_told_on_the_screen(tmp_path: Path) -> None:
    keymap, _ = read_keymap({"stop": "ctrl+r"})
    async with running_app(tmp_path, look=Look(keymap=keymap), size=(120, 24)) as screen:
        await screen.sees(
            "Ctrl+R is “Stop” now, as your config has it, and not “Regenerate” any more."
        )


async def test_an_action_without_a_usual_key_can_be_given_one(tmp_path: Path) -> None:
    keymap, _ = read_keymap({"choose_task": "f8"})
    async with running_app(tmp_path, look=Look(keymap=keymap)) as screen:
        await screen.press("f8")
        await screen.sees("There are none.")


async def test_a_file_that_is_called_like_a_key_keeps_its_name(tmp_path: Path) -> None:
    keymap, _ = read_keymap({"choose_model": "alt+m", "regenerate": "alt+g"})
    file = tmp_path / "Ctrl+R" / "F3-7B.gguf"
    file.parent.mkdir()
    file.write_bytes(b"GGUF\0\0")
    async with running_app(tmp_path, look=Look(keymap=keymap), size=(200, 24)) as screen:
        await screen.type(f"What is @{file} ")
        await screen.press("enter")
        await screen.until(
            lambda: "Ctrl+R/F3-7B.gguf cannot be attached" in " ".join(screen.text.split())
        )


async def test_the_inspector_names_the_users_key(tmp_path: Path) -> None:
    keymap, _ = read_keymap({"inspect": "alt+i"})
    async with running_app(tmp_path, look=Look(keymap=keymap)) as screen:
        await screen.press("alt+i")
        await screen.sees("Write one at the prompt; Alt+I shows what")
