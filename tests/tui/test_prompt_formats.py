"""Choosing a prompt format, trying another, and what the user sees of the one in use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from modechat.domain.conversation import Reply, ReplyState, ReplyStats, StopReason
from modechat.domain.mode import ModeState
from modechat.domain.modes import ChatMessage
from modechat.engine.protocol import Load, UseFormat
from modechat.engine.scripted import MODEL, ScriptedEngine
from modechat.prompting.formats import NamedFormat
from modechat.session.events import FormatInUse, ModelReady
from modechat.store import Store
from tests.session.fake_files import with_files
from tests.session.harness import Clock, echo, settings
from tests.tui.harness import running_app


def formats_asked(engine: ScriptedEngine) -> list[str | None]:
    return [request.format for request in engine.requests if isinstance(request, UseFormat)]


def stats(**changes: object) -> ReplyStats:
    plain = ReplyStats("chat-template", "gguf", 30, 0, 5, 0.1, 50.0, 1)
    return replace(plain, **changes)  # type: ignore[arg-type]


def stored(folder: Path, reply: Reply) -> None:
    """A conversation with one turn that was answered so."""
    store = Store.open(folder, Clock())
    conversation = store.create_conversation("Earlier", ModeState())
    turn = store.add_turn(conversation.id, None, "Hello", ChatMessage("Hello"), True)
    store.save_reply(turn.id, reply)
    store.close()


async def test_the_picker_shows_what_is_there_and_enter_chooses(tmp_path: Path) -> None:
    remembered: list[str | None] = []

    engine = ScriptedEngine(echo)
    remembering = with_files(settings(), remember_format=remembered.append)
    async with running_app(tmp_path, engine=engine, session_settings=remembering) as screen:
        await screen.sees("Scripted demo")
        await screen.type("/format")
        await screen.press("enter")
        await screen.sees("automatic")
        await screen.sees("●  chat-template      the model's own")
        await screen.press("down")
        await screen.sees("tatsu-lab/stanford_alpaca")
        await screen.press("enter")
        await screen.sees("“alpaca” is used from now on")
        await screen.sees("alpaca (built-in)")
        assert formats_asked(engine) == remembered == ["alpaca"]
        await screen.type("/format")
        await screen.press("enter")
        await screen.sees("automatic")
        await screen.type("automatic")
        await screen.press("enter")
        await screen.sees("what fits it is used from now on")
        assert formats_asked(engine) == remembered == ["alpaca", None]


async def test_a_format_is_chosen_by_its_name(tmp_path: Path) -> None:
    engine = ScriptedEngine(echo)
    async with running_app(tmp_path, engine=engine) as screen:
        await screen.sees("Scripted demo")
        await screen.send("/format vicuna")
        await screen.sees("vicuna (built-in)")
        await screen.send("/format auto")
        await screen.sees("chat-template (gguf)")
        assert formats_asked(engine) == ["vicuna", None]


async def test_an_unknown_format_is_answered_with_those_that_are_close_and_the_text_stays(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("/format alpacca")
        await screen.sees("There is no format “alpacca”. Did you mean alpaca")
        assert screen.prompt.text == "/format alpacca"


async def test_ctrl_f_asks_again_in_one_format_after_the_other(tmp_path: Path) -> None:
    engine = ScriptedEngine(echo)
    async with running_app(tmp_path, engine=engine) as screen:
        await screen.press("ctrl+right_square_bracket")
        await screen.sees("There is no message yet")
        await screen.send("Hello")
        await screen.press("ctrl+right_square_bracket")
        await screen.sees("Trying the format “chatml”. /format chatml keeps it")
        await screen.settled()
        await screen.press("ctrl+right_square_bracket")
        await screen.sees("Trying the format “alpaca”")
        await screen.settled()
        assert formats_asked(engine) == ["chatml", "alpaca"]
        assert screen.replies == ["You said: Hello"]


async def test_a_reply_that_leaked_says_so_and_ctrl_f_tries_a_format_with_that_marker(
    tmp_path: Path,
) -> None:
    leaked = Reply("Hi.", ReplyState.COMPLETE, StopReason.LEAK, stats=stats(leak="[INST]"))
    stored(tmp_path, leaked)

    async with running_app(tmp_path, size=(120, 30)) as screen:
        await screen.sees("another role's turn ([INST])")
        await screen.sees("Ctrl+] tries another.")
        await screen.sees("Scripted demo")
        await screen.press("ctrl+right_square_bracket")
        await screen.sees("Trying the format “llama-2”")


async def test_what_was_neutralised_is_marked_at_the_message_also_later(tmp_path: Path) -> None:
    for send in (True, False):
        async with running_app(tmp_path) as screen:
            if send:
                await screen.send("a <|im_end|> b <|im_end|> c <|im_start|>")
            await screen.sees("◇ sent as plain text: <|im_end|> ×2 <|im_start|>")


async def test_a_message_without_such_texts_has_no_mark(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("Hello")
        assert "sent as plain text" not in screen.text


async def test_notes_on_the_format_stay_and_are_said_once(tmp_path: Path) -> None:
    note = "No chat template [/x] [@click=app.quit]x[/]"

    async with running_app(tmp_path) as screen:
        await screen.sees("Scripted demo")
        noted = MODEL.model_copy(update={"notes": (note,)})
        screen.tell(ModelReady(noted))
        await screen.sees(f"· {note}")
        await screen.sees("F1 shows the keys")  # the welcome stays
        screen.tell(FormatInUse(noted))
        await screen.send("Hello")
        await screen.sees("You said: Hello")
        assert screen.text.count("No chat template") == 1
        screen.tell(FormatInUse(MODEL))
        screen.tell(FormatInUse(noted))
        await screen.until(lambda: screen.text.count("No chat template") == 2)


async def test_a_model_without_history_says_so_before_and_after_sending(tmp_path: Path) -> None:
    stored(tmp_path, Reply("Salut", ReplyState.COMPLETE, StopReason.END, stats=stats(format="t5")))

    async with running_app(tmp_path) as screen:
        await screen.sees("only this message was sent")
        screen.tell(FormatInUse(MODEL.model_copy(update={"format": "t5", "sees_history": False})))
        await screen.sees("❯ chat · last message only")
        await screen.press("shift+tab")
        await screen.until(lambda: "last message only" not in screen.text)


async def test_names_of_formats_that_look_like_markup_are_text(tmp_path: Path) -> None:
    hostile = NamedFormat(
        name="own",
        title="[/x] [@click=app.quit]x[/]",
        source="\x1b]0;T\x07 [/ $y",
        chat_template="{{ messages }}",
    )

    load = Load(model_path="", formats=(hostile,))
    async with running_app(tmp_path, session_settings=replace(settings(), load=load)) as screen:
        await screen.type("/format")
        await screen.press("enter")
        await screen.sees("[/x] [@click=app.quit]x[/]")
        await screen.press("down")
        await screen.sees("␛]0;T␇ [/ $y")
        await screen.press("escape")
        await screen.send("/format [/x]")
        await screen.sees("There is no format “[/x]”")
