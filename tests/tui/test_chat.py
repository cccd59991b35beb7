"""The chat screen: sending, streaming, stopping, going back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual import events

from modechat.domain.text import sanitize
from modechat.engine.protocol import Failed, Generate
from modechat.engine.scripted import ScriptedEngine
from modechat.errors import StoreError
from modechat.session.chat_setup import ChatSetup
from modechat.store import Store
from modechat.tui.app import ModechatApp
from modechat.tui.widgets.notices import Welcome
from tests.session.harness import Clock, settings
from tests.tui.harness import Screen, running_app

MARKDOWN = """\
# A title

Some *prose* with `code`, vector<int> and <think>thoughts</think>.

1. one
2. two
   - nested

| a | b |
|---|---|
| 1 | 2 |

```python
def f(x):
    return x
```

> quoted

The end."""


async def test_the_first_screen_says_what_to_do(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.sees("### Instruction")
        await screen.sees("F1")
        await screen.send("Hello")
        assert not screen.transcript.query(Welcome)


async def test_enter_sends_and_other_keys_begin_a_line(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.type("one")
        await screen.press("ctrl+j")
        await screen.type("two")
        await screen.press("shift+enter")
        await screen.type("three")
        assert screen.prompt.text == "one\ntwo\nthree"
        await screen.press("enter")
        await screen.settled()
        assert screen.prompt.text == ""
        assert screen.replies == ["You said: one\ntwo\nthree"]


async def test_a_paste_never_sends(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        screen.prompt.area.post_message(events.Paste("first\r\nsecond\n\x1b[31mred\n"))
        await screen.pilot.pause()
        assert screen.prompt.text == "first\nsecond\n\x1b[31mred\n"
        assert screen.app.session is not None
        assert screen.app.session.conversation is None


async def test_a_streamed_reply_is_shown_whole(tmp_path: Path) -> None:
    async with running_app(tmp_path, lambda _request: MARKDOWN) as screen:
        await screen.send("Show me everything")
        assert screen.replies == [MARKDOWN]
        await screen.sees("The end.")
        await screen.press("ctrl+n")
        await screen.press("ctrl+o")
        await screen.sees("Conversations")


async def test_raw_html_stays_visible(tmp_path: Path) -> None:
    async with running_app(
        tmp_path, lambda _request: "a vector<int> and <b>bold</b> <think>x</think>"
    ) as screen:
        await screen.send("Go")
        await screen.sees("vector<int> and <b>bold</b> <think>x</think>")


async def test_escape_stops_and_the_reply_is_marked(tmp_path: Path) -> None:
    async def slowly() -> None:
        await asyncio.sleep(0.005)

    async with running_app(
        tmp_path, lambda _request: " ".join(f"word {n}" for n in range(3000)), pace=slowly
    ) as screen:
        await screen.type("Go")
        await screen.press("enter")
        await screen.sees("word 1")
        await screen.sees("Esc stops")
        await screen.press("escape")
        await screen.settled()
        await screen.sees("■ stopped")
        await screen.sees("Enter sends")


async def test_regenerating_replaces_the_reply_on_the_screen(tmp_path: Path) -> None:
    count = 0

    def script(_request: Generate) -> str:
        nonlocal count
        count += 1
        return f"reply number {count}"

    async with running_app(tmp_path, script) as screen:
        await screen.send("Go")
        await screen.press("ctrl+r")
        await screen.sees("reply number 2")
        await screen.settled()
        assert screen.replies == ["reply number 2"]


async def test_what_cannot_be_sent_stays_in_the_prompt_with_the_reason(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("### Instruction\n### Input\nonly input")
        await screen.sees("There is no instruction yet")
        assert screen.prompt.text.endswith("only input")


async def test_a_conversation_is_found_again_and_can_be_chosen_and_deleted(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("The first one")
        await screen.press("ctrl+n")
        await screen.send("The second one")
    async with running_app(tmp_path) as screen:
        await screen.sees("You said: The second one")
        await screen.press("ctrl+o")
        await screen.sees("The first one")
        await screen.press("down", "enter")
        await screen.sees("You said: The first one")
        await screen.press("ctrl+o")
        await screen.sees("Del deletes")
        await screen.press("delete")
        await screen.sees("Delete “The first one”? Press the key again.")
        await screen.press("ctrl+d")
        await screen.sees("Deleted.")
        await screen.press("escape")
        await screen.sees("Message, or ### Instruction")
        assert screen.app.session is not None
        assert [summary.title for summary in await screen.app.session.library.summaries()] == [
            "The second one"
        ]


async def test_a_new_start_can_leave_the_last_conversation_alone(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("Earlier")
    async with running_app(tmp_path, resume=False) as screen:
        assert screen.transcript.query(Welcome)


async def test_long_conversations_show_their_end_and_bring_in_the_rest(tmp_path: Path) -> None:
    store = Store.open(tmp_path, Clock())
    from modechat.domain.conversation import Reply, ReplyState
    from modechat.domain.mode import ModeState
    from modechat.domain.modes import ChatMessage

    conversation = store.create_conversation("Long", ModeState())
    parent = None
    for number in range(60):
        turn = store.add_turn(
            conversation.id, parent, f"m{number}", ChatMessage(f"m{number}"), True
        )
        store.save_reply(turn.id, Reply(f"r{number}", ReplyState.COMPLETE))
        parent = turn.id
    store.close()

    async with running_app(tmp_path) as screen:
        await screen.sees("r59")
        assert len(screen.transcript.turns) < 60
        for _ in range(60):
            await screen.press("pageup")
            await screen.pilot.pause()
            if screen.transcript.turns[0].turn_id == 1 and screen.transcript.scroll_y == 0:
                break
        await screen.sees("m0")
        await screen.press("ctrl+end")
        await screen.sees("r59")


async def test_a_failed_turn_shows_why(tmp_path: Path) -> None:
    def fail(_request: Generate) -> Failed:
        return Failed(
            id=None,
            kind="context",
            title="The prompt has 9 tokens, the context holds 5",
            hint="Shorten it.",
        )

    async with running_app(tmp_path, fail) as screen:
        await screen.send("Too long")
        await screen.sees("The prompt has 9 tokens, the context holds 5")
        await screen.sees("Shorten it.")


async def test_a_model_that_cannot_be_loaded_is_explained_and_the_app_lives(tmp_path: Path) -> None:
    broken = Failed(
        id=None,
        kind="model",
        title="This file is broken",
        hint="Take another.",
        log_tail=("last words",),
    )

    engine = ScriptedEngine(lambda _request: "", load_error=broken)
    async with running_app(tmp_path, engine=engine) as screen:
        await screen.sees("This file is broken")
        await screen.sees("Take another.")
        await screen.sees("last words")
        await screen.sees("No model is loaded")


async def test_a_store_that_cannot_be_opened_ends_the_app_with_the_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    app = ModechatApp(
        lambda: ChatSetup(ScriptedEngine(lambda _: ""), Store.open(blocked, Clock()), settings())
    )
    async with app.run_test() as pilot:
        while app.is_running and app.return_value is None:
            await pilot.pause(0.01)
    error = app.return_value
    assert isinstance(error, StoreError)
    assert error.hint


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 15), (200, 60)])
@pytest.mark.every_day(2)
async def test_it_fits_into_windows_of_any_size(tmp_path: Path, size: tuple[int, int]) -> None:
    async with running_app(tmp_path, size=size) as screen:
        await screen.send("Hello")
        await screen.sees("You said: Hello")
        await screen.sees("❯ chat")
        for key, text in (("f1", "Modes"), ("ctrl+o", "Enter opens")):
            await screen.press(key)
            await screen.sees(text)
            await screen.press("escape")
            await screen.pilot.pause()


@pytest.mark.parametrize("size", [(20, 24), (80, 5), (1, 1)])
async def test_a_window_that_is_too_small_says_so(tmp_path: Path, size: tuple[int, int]) -> None:
    async with running_app(tmp_path, size=size) as screen:
        if size[0] >= 20:
            await screen.sees("Please make the")
        await screen.pilot.resize_terminal(80, 24)
        await screen.sees("Message, or ### Instruction")


HOSTILE = "[/x] [@click=app.quit]quit[/] [/ $x \x1b]0;TITLE\x07\x1b[2J\x9b31m \u202egnp"


async def test_hostile_text_is_shown_as_text_everywhere(tmp_path: Path) -> None:
    def script(request: Generate) -> str | Failed:
        if "fail" in str(request.prompt):
            return Failed(id=None, kind="engine", title=HOSTILE, hint=HOSTILE)
        return HOSTILE

    async def check(screen: Screen) -> None:
        await screen.settled()
        shown = screen.text
        assert "[@click=app.quit]quit[/]" in shown
        assert shown.replace("\n", "") == sanitize(shown).replace("\n", "")

    async with running_app(tmp_path, script, size=(120, 60)) as screen:
        screen.prompt.area.post_message(events.Paste(HOSTILE))
        await screen.pilot.pause()
        await screen.press("enter")
        await check(screen)
        await screen.send("### Instruction fail " + "[/x] [@click=app.quit]quit[/]")
        await check(screen)
        await screen.press("ctrl+o")
        await screen.sees("[@click=app.quit]quit[/]")
    async with running_app(tmp_path, script, size=(120, 60)) as screen:
        await check(screen)


async def test_line_ends_of_windows_are_line_ends(tmp_path: Path) -> None:
    async with running_app(
        tmp_path, lambda _request: "a\r\n\r\n```\r\ncode\r\n```\r\nend of it"
    ) as screen:
        await screen.send("Go")
        assert screen.replies == ["a\n\n```\ncode\n```\nend of it"]
        assert "␍" not in screen.text
        assert "```" not in screen.text


async def test_a_mouse_press_while_a_reply_streams_does_not_crash(tmp_path: Path) -> None:
    async def slowly() -> None:
        await asyncio.sleep(0.001)

    reply = "\n".join(f"{n}. item number {n}\n   - nested" for n in range(30))

    async with running_app(tmp_path, lambda _request: reply, pace=slowly) as screen:
        await screen.type("Go")
        await screen.press("enter")
        for n in range(25):
            await screen.pilot.mouse_down(offset=(10, 2 + n % 15))
            await screen.pilot.mouse_up(offset=(30, 3 + n % 15))
        await screen.press("escape")
        await screen.settled()
