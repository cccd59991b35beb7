"""The settings screen: what counts, for whom, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from modechat.commands import setting_commands
from modechat.commands.setting_values import SETTINGS, Setting, WrongValue, read_value, shown_value
from modechat.domain.modes import Incomplete
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import Generate, Load
from modechat.engine.scripted import ScriptedEngine
from modechat.errors import ConfigError
from modechat.session.chat_session import ChatSession
from modechat.session.settings import SessionSettings
from tests.session.fake_files import with_files
from tests.session.harness import echo, settings
from tests.tui.harness import Screen, running_app


def setting(name: str) -> Setting:
    return next(one for one in SETTINGS if one.name == name)


async def opened(screen: Screen) -> None:
    await screen.settled()
    await screen.press("f4")
    await screen.sees("▸ This conversation")


async def go_to(screen: Screen, name: str) -> None:
    await screen.press("home", *["down"] * SETTINGS.index(setting(name)))


async def change(screen: Screen, name: str, text: str) -> None:
    await go_to(screen, name)
    await screen.press("enter")
    await screen.type(text)
    await screen.press("enter")


def last_request(engine: ScriptedEngine) -> Generate:
    return [request for request in engine.requests if isinstance(request, Generate)][-1]


async def test_a_value_of_this_conversation_counts_from_the_next_turn_on_and_comes_back(
    tmp_path: Path,
) -> None:
    engine = ScriptedEngine(echo)

    async with running_app(tmp_path, engine=engine) as screen:
        await opened(screen)
        await change(screen, "temperature", "0.25")
        await screen.sees("Temperature: 0.25.")
        await screen.press("escape")
        await screen.send("Hi")
        assert last_request(engine).sampling == Sampling(temperature=0.25)
    async with running_app(tmp_path) as screen:
        await opened(screen)
        await screen.until(lambda: "0.25" in screen.text)
        await screen.sees("this conversation")
        await screen.press("delete")
        await screen.sees("Temperature was reset.")
        assert "0.25" not in screen.text


async def test_what_is_typed_is_judged_while_it_is_typed(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await opened(screen)
        await screen.type("9")
        await screen.type("9")
        await screen.sees("Not yet: input should be less than or equal to 10")
        await screen.press("enter")
        await screen.sees("This cannot be kept: input should be less")
        await screen.press("escape")
        session = screen.app.session
        assert session is not None
        assert session.settings.sampling == Sampling()
        assert len(screen.app.screen_stack) == 2


async def test_a_default_is_written_into_the_config(tmp_path: Path) -> None:
    written: list[Mapping[str, object]] = []

    def keep(options: Mapping[str, object]) -> SessionSettings:
        written.append(dict(options))
        return with_files(replace(settings(), sampling=Sampling(top_k=5)), write_defaults=keep)

    async with running_app(
        tmp_path, session_settings=with_files(settings(), write_defaults=keep)
    ) as screen:
        await opened(screen)
        await screen.press("tab")
        await screen.sees("▸ Everywhere")
        await change(screen, "top_k", "5")
        await screen.sees("Top k: 5.")
        await change(screen, "stop", '"###", "\\n"')
        await screen.sees("Stop:")
        assert written == [{"sampling.top_k": 5}, {"sampling.stop": ["###", "\n"]}]
        await screen.press("tab")
        await change(screen, "top_k", "9")
        await screen.press("tab")
        await change(screen, "top_k", "5")
        await screen.sees("But this conversation has a value of its own.")


async def test_a_config_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    def keep(_options: Mapping[str, object]) -> SessionSettings:
        raise ConfigError(
            "/x/[@click=app.quit]config.toml cannot be written: read-only", "Make it writable."
        )

    async with running_app(
        tmp_path, session_settings=with_files(settings(), write_defaults=keep)
    ) as screen:
        await opened(screen)
        await screen.press("tab")
        await change(screen, "seed", "5")
        await screen.sees("[@click=app.quit]config.toml cannot be")
        session = screen.app.session
        assert session is not None
        assert session.settings.sampling.seed is None


async def test_a_system_prompt_is_written_in_several_lines(tmp_path: Path) -> None:
    engine = ScriptedEngine(echo)

    async with running_app(tmp_path, engine=engine) as screen:
        await opened(screen)
        await go_to(screen, "chat_system")
        await screen.press("enter")
        await screen.sees("Ctrl+S keeps it")
        await screen.type("Be brief.")
        await screen.press("enter")
        await screen.type("[/x] [@click=app.quit]")
        await screen.press("ctrl+s")
        await screen.sees("Be brief. [/x] [@click")
        await go_to(screen, "instruct_system")
        await screen.press("enter")
        await screen.type("never kept")
        await screen.press("escape", "escape")
        await screen.send("Hi")
        prompt = last_request(engine).prompt
        assert prompt.mode == "chat"
        assert prompt.messages[0].content == "Be brief.\n[/x] [@click=app.quit]"
        assert screen.app.session is not None
        assert screen.app.session.settings.instruct_system == ""


async def test_a_format_is_chosen_from_the_list(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await opened(screen)
        await go_to(screen, "format")
        await screen.press("enter")
        await screen.sees("Prompt format")
        await screen.type("alpaca")
        await screen.press("enter")
        await screen.sees("Prompt format: alpaca.")
        await screen.press("escape")
        await screen.sees("alpaca (built-in)")
        await screen.press("ctrl+n")
        await screen.sees("chat-template (gguf)")


async def test_the_result_is_about_the_scope_that_the_value_was_given_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_open = asyncio.Event()

    async def change_late(
        setting: Setting, value: object, session: ChatSession, *, for_all: bool
    ) -> Incomplete | None:
        await is_open.wait()
        return await setting_commands.change(setting, value, session, for_all=for_all)

    monkeypatch.setattr("modechat.tui.screens.settings.change", change_late)
    async with running_app(tmp_path) as screen:
        await opened(screen)
        await change(screen, "temperature", "0.25")
        await screen.press("tab")
        await screen.sees("▸ Everywhere")
        is_open.set()
        await screen.sees("Temperature: 0.25.")
        assert "a value of its own" not in screen.text


async def test_another_context_loads_the_model_again_and_says_so(tmp_path: Path) -> None:
    engine = ScriptedEngine(echo)

    async with running_app(tmp_path, engine=engine) as screen:
        await opened(screen)
        await go_to(screen, "n_ctx")
        await screen.sees("Loads the model again.")
        await change(screen, "n_ctx", "100")
        await screen.sees("greater than or equal to 256")
        await screen.press("escape")
        await change(screen, "n_ctx", "1024")
        await screen.sees("The model is being loaded again.")
        await screen.settled()
        assert [load.n_ctx for load in engine.requests if isinstance(load, Load)] == [
            None,
            1024,
        ]


async def test_the_mouse_changes_whom_it_counts_for(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await opened(screen)
        await screen.pilot.click("#everywhere")
        await screen.sees("▸ Everywhere")


@pytest.mark.parametrize("size", [(40, 15), (80, 24), (120, 40)])
async def test_it_has_room_in_every_window(tmp_path: Path, size: tuple[int, int]) -> None:
    async with running_app(tmp_path, size=size) as screen:
        await opened(screen)
        await screen.sees("Temperature")
        await screen.sees("default" if size[0] > 40 else "0.7")
        await screen.press("enter")
        await screen.sees("Enter keeps it")


# Values


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("temperature", "0.5", 0.5),
        ("temperature", " 1 ", 1),
        ("top_k", "40", 40),
        ("seed", "", None),
        ("stop", "###", ("###",)),
        ("stop", '"a", "\\nb"', ("a", "\nb")),
        ("n_ctx", "8192", 8192),
    ],
)
def test_what_is_typed_becomes_a_value(name: str, text: str, value: object) -> None:
    read = read_value(setting(name), text)
    assert read == value
    assert value is None or read_value(setting(name), shown_value(read)) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("temperature", "warm"),
        ("temperature", "nan"),
        ("temperature", "inf"),
        ("temperature", "0,7"),
        ("top_k", "1.5"),
        ("top_k", "9" * 5000),
        ("top_p", "0"),
        ("stop", '"a"b'),
        ("stop", '"a", 5'),
        ("stop", '""'),
        ("n_ctx", "12"),
    ],
)
def test_what_is_no_value_is_refused_with_a_reason(name: str, text: str) -> None:
    with pytest.raises(WrongValue, match=r"\w"):
        read_value(setting(name), text)


def test_every_setting_of_the_sampling_is_there_with_its_meaning_and_range() -> None:
    assert {one.name for one in SETTINGS} >= set(Sampling.model_fields)
    assert all(one.meaning for one in SETTINGS)
    ranges = {one.name: one.range for one in SETTINGS}
    assert ranges["temperature"] == "from 0 to 10"
    assert ranges["top_p"] == "above 0 to 1"
    assert ranges["top_k"] == "from 0 on"
    assert ranges["n_ctx"] == "from 256 on"
