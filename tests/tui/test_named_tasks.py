"""Named tasks: from the prompt, the list and the palette; and what other commands at the prompt
do.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from modechat.engine.protocol import InstructPrompt
from modechat.engine.scripted import ScriptedEngine
from modechat.prompting.tasks import NamedTask, TaskArgument
from modechat.session.settings import SessionSettings
from tests.session.harness import echo, settings
from tests.tui.harness import Screen, running_app

HOSTILE = "Shout [/x] [@click=app.quit]x[/] \x1b]0;T\x07"

TASKS = (
    NamedTask(
        name="translate",
        title="Translate a text",
        instruction="Translate the text into {argument}.",
        argument=TaskArgument(name="language"),
    ),
    NamedTask(name="summarise", title="Summarise a text", instruction="Summarise the text."),
    NamedTask(name="shout", title=HOSTILE, instruction=HOSTILE),
)


def with_tasks() -> SessionSettings:
    return replace(settings(), tasks=TASKS)


def badge(screen: Screen) -> str:
    return str(screen.prompt.border_title)


async def test_a_task_with_its_text_is_one_turn(tmp_path: Path) -> None:
    engine = ScriptedEngine(echo)
    async with running_app(tmp_path, engine=engine, session_settings=with_tasks()) as screen:
        await screen.send("/task translate Spanish\nI love you")
        await screen.sees("You said: Translate the text into Spanish.")
        prompt = engine.requests[-1].prompt  # type: ignore[union-attr]
        assert isinstance(prompt, InstructPrompt)
        assert (prompt.instruction, prompt.input) == (
            "Translate the text into Spanish.",
            "I love you",
        )
        assert badge(screen) == "❯ chat"


async def test_a_task_without_text_stands_for_what_follows_and_is_named_at_the_prompt(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path, session_settings=with_tasks()) as screen:
        await screen.send("/task translate Spanish")
        await screen.until(
            lambda: badge(screen) == "» instruct: translate (Translate the text into Spanish.)"
        )
        await screen.send("I love you")
        await screen.sees("You said: Translate the text into Spanish.")


async def test_the_list_puts_a_task_that_needs_words_into_the_prompt_and_starts_others(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path, session_settings=with_tasks()) as screen:
        await screen.type("/task")
        await screen.press("enter")
        await screen.sees("Translate a text")
        await screen.sees("/task translate LANGUAGE")
        await screen.sees("Shout [/x] [@click=app.quit]x[/] ␛]0;T␇")
        await screen.press("enter")
        await screen.until(lambda: screen.prompt.text == "/task translate ")
        await screen.type("French")
        await screen.press("enter")
        await screen.until(lambda: "translate (Translate the text into French.)" in badge(screen))
        await screen.type("/task")
        await screen.press("enter")
        await screen.sees("Summarise a text")
        await screen.press("down", "enter")
        await screen.until(lambda: badge(screen) == "» instruct: summarise (Summarise the text.)")


async def test_tasks_are_in_the_palette_by_title_and_by_name(tmp_path: Path) -> None:
    async with running_app(tmp_path, session_settings=with_tasks(), size=(100, 140)) as screen:
        await screen.press("ctrl+p")
        await screen.sees("Task: Translate a text")
        await screen.sees("Task: Shout [/x] [@click=app.quit]x[/] ␛]0;T␇")
        await screen.type("summarise")
        await screen.sees("Task: Summarise a text")
        await screen.until(lambda: "Translate" not in screen.text)
        await screen.press("enter", "enter")
        await screen.until(lambda: badge(screen) == "» instruct: summarise (Summarise the text.)")
        await screen.press("ctrl+p")
        await screen.type("translate a")
        await screen.sees("Task: Translate a text")
        await screen.press("enter", "enter")
        await screen.until(lambda: screen.prompt.text == "/task translate ")


async def test_what_a_task_lacks_and_a_task_that_is_not_there_leave_the_text_in_the_prompt(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path, session_settings=with_tasks()) as screen:
        await screen.send("/task translate")
        await screen.sees("The task “translate” needs more: /task translate LANGUAGE")
        assert screen.prompt.text == "/task translate"
        screen.prompt.clear()
        await screen.send("/task translte Spanish")
        await screen.sees("There is no task “translte”. Did you mean translate?")
        assert screen.prompt.text == "/task translte Spanish"


async def test_paths_are_sent_and_a_backslash_sends_a_command_as_text(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("/etc/hosts is what?")
        await screen.send("\\/task translate")
        assert screen.replies == ["You said: /etc/hosts is what?", "You said: /task translate"]


async def test_a_command_says_what_it_does_while_it_is_typed(tmp_path: Path) -> None:
    async with running_app(tmp_path, size=(120, 30)) as screen:
        await screen.type("/tas")
        await screen.sees("Enter sends")
        await screen.type("k")
        await screen.sees("/task [NAME …] · Do a named task")
        await screen.press("backspace")
        await screen.sees("Enter sends")


async def test_help_is_typed_and_refuses_words(tmp_path: Path) -> None:
    async with running_app(tmp_path, size=(120, 110)) as screen:
        await screen.type("/help")
        await screen.press("enter")
        await screen.sees("Commands at the prompt")
        await screen.sees("/task [NAME …]")
        await screen.press("escape")
        await screen.send("/help me")
        await screen.sees("/help takes no words.")
        assert screen.prompt.text == "/help me"


async def test_commands_are_done_in_the_order_in_which_they_were_typed(tmp_path: Path) -> None:
    async with running_app(tmp_path, session_settings=with_tasks(), size=(100, 50)) as screen:
        await screen.type("/task summarise")
        await screen.press("enter")
        await screen.type("a text")
        await screen.press("enter")
        await screen.settled()
        assert screen.replies == ["You said: Summarise the text.\n\na text"]


async def test_the_inspector_shows_the_prompt_of_a_typed_task(tmp_path: Path) -> None:
    async with running_app(tmp_path, session_settings=with_tasks()) as screen:
        screen.prompt.area.load_text("/task translate Spanish\nI love you")
        await screen.press("f2")
        await screen.sees("Translate the text into Spanish.")
        await screen.sees("I love you<|im_end|>")
