"""What the screen says about what is typed, and how long it says it."""

from __future__ import annotations

from pathlib import Path

from modechat.engine.scripted import ScriptedEngine
from tests.session.harness import echo
from tests.tui.harness import Screen, running_app


def _used(screen: Screen) -> str:
    """The context meter."""
    last = screen.text.splitlines()[-1]
    return next(part.strip() for part in last.split("·") if "/4,096" in part)


async def test_an_unknown_command_is_asked_about_and_sent_with_another_enter(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("/seting on")
        await screen.sees(
            "There is no command /seting. Did you mean /settings? Enter again sends it."
        )
        assert screen.prompt.text == "/seting on"
        assert screen.replies == []
        await screen.press("enter")
        await screen.settled()
        assert screen.replies == ["You said: /seting on"]
        await screen.send("/seting on")
        await screen.sees("There is no command /seting.")
        await screen.send(" again")
        await screen.sees("There is no command /seting.")
        screen.prompt.clear()
        await screen.send("/usr/bin/python does not start")
        await screen.sees("You said: /usr/bin/python does not start")


async def test_exit_leaves_and_clear_begins_anew(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("hello")
        await screen.send("/clear")
        await screen.until(lambda: not screen.replies)
        await screen.send("/system Talk like a pirate.")
        await screen.sees("chat_system: Talk like a pirate. (this conversation)")
        await screen.type("/exit")
        await screen.press("enter")
        await screen.until(lambda: screen.app.return_code is not None)


async def test_what_was_said_goes_with_the_next_letter(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        for key in ("x", "ctrl+u", "up", "ctrl+up", "f7"):
            screen.prompt.clear()
            await screen.send("/format nonsense")
            await screen.sees("There is no format “nonsense”")
            await screen.press(key)
            assert "There is no format" not in screen.text, key


async def test_what_was_refused_and_headers_alone_were_not_sent(tmp_path: Path) -> None:
    async with running_app(tmp_path, engine=ScriptedEngine(echo, n_ctx=60)) as screen:
        await screen.send("one")
        await screen.send("### Instruction")
        await screen.send("### Chat")
        await screen.send("### Instruction\nTranslate\n### Input")
        await screen.send("### Chat")
        await screen.send("/format nonsense")
        screen.prompt.clear()
        await screen.send("word " * 70)
        await screen.sees("This is too long")
        sent = [entry.text for entry in screen.prompt.recall.entries]
        assert sent == ["### Instruction\nTranslate\n### Input", "one"]
        session = screen.app.session
        assert session is not None
        assert [entry.text for entry in await session.inputs.sent()] == sent


async def test_the_meter_is_that_of_what_comes_next(tmp_path: Path) -> None:
    async with running_app(tmp_path, size=(120, 40)) as screen:
        await screen.send("hello there my friend")
        chat = _used(screen)
        await screen.send("### Instruction One two three four five six seven eight nine ten")
        await screen.send("/status")
        assert _used(screen) == chat
        assert f"{chat.split('/')[0]} of 4,096 tokens" in screen.text
        await screen.send("### Instruction")
        assert _used(screen) != chat
        await screen.send("### Chat")
        assert _used(screen) == chat
        await screen.type("/settings temperature 99")
        assert _used(screen) == chat
        screen.prompt.clear()
        await screen.type("a message")
        assert _used(screen).startswith("~")


async def test_after_a_message_was_deleted_the_meter_is_that_of_what_is_left(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path, size=(120, 40)) as screen:
        await screen.send("hello")
        first = _used(screen)
        await screen.send("a second message")
        assert _used(screen) != first
        screen.app.screen.query_one("#prompt")
        await screen.app.screen.action_act("delete_message")  # type: ignore[attr-defined]
        await screen.press("enter")
        await screen.until(lambda: len(screen.replies) == 1)
        await screen.until(lambda: _used(screen) == first)
        await screen.app.screen.action_act("delete_message")  # type: ignore[attr-defined]
        await screen.press("enter")
        await screen.until(lambda: not screen.replies)
        await screen.until(lambda: _used(screen) == "0/4,096")
        assert "tok/s" not in screen.text


async def test_what_a_key_did_out_of_view_is_said(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("### Instruction Say something")
        await screen.press("ctrl+g")
        await screen.sees("The last instruct turn is in the chat now: the model sees it there.")
        await screen.press("ctrl+g")
        await screen.sees("The last instruct turn is not in the chat any more.")


async def test_a_reply_says_which_of_its_variants_it_is(tmp_path: Path) -> None:
    async with running_app(tmp_path, size=(80, 40)) as screen:
        await screen.send("hello")
        assert "1/1" not in screen.text
        await screen.press("ctrl+r")
        await screen.sees("2/2 ‹ Alt+Left · Alt+Right ›")
        await screen.settled()
        await screen.press("alt+left")
        await screen.sees("1/2 ‹")
        await screen.send("and more")
        assert screen.text.count("‹") == 1
        await screen.press("ctrl+r")
        await screen.settled()
        await screen.press("ctrl+r")
        await screen.settled()
        await screen.sees("3/3 ‹")
    async with running_app(tmp_path, size=(80, 40)) as screen:
        await screen.sees("1/2 ‹")
        await screen.sees("3/3 ‹")
        await screen.app.screen.action_act("delete_message")  # type: ignore[attr-defined]
        await screen.press("enter")
        await screen.sees("2/2 ‹")


async def test_a_reply_of_another_model_says_whose_it_is(tmp_path: Path) -> None:
    engine = ScriptedEngine(echo)
    async with running_app(tmp_path, engine=engine, size=(80, 40)) as screen:
        await screen.send("one")
        await screen.send("two")
        session = screen.app.session
        assert session is not None
        engine._model = engine._model.model_copy(update={"name": "Other", "path": "/other.gguf"})
        session._host.loaded(engine._model)
        await screen.send("three")
        await screen.send("four")
        lines = [line.strip() for line in screen.text.splitlines()]
        assert lines.count("Other") == 1
        assert lines.count("Scripted demo") == 0
        assert lines.index("You said: three") < lines.index("Other") < lines.index("You said: four")


async def test_a_standing_instruction_waits_while_the_mode_is_changed_with_a_key(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("### Instruction\nTranslate into French\n### Input")
        await screen.press("shift+tab")
        await screen.sees("“Translate into French” waits. Shift+Tab goes on with it.")
        await screen.sees("❯ chat")
        await screen.press("shift+tab")
        await screen.sees("» instruct: Translate into French")
        await screen.press("shift+tab")
        await screen.send("### Instruction")
        await screen.press("shift+tab")
        await screen.press("shift+tab")
        await screen.sees("What should be done?")
        assert screen.app.session is not None
        assert screen.app.session.state.standing is None
