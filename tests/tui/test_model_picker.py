"""The model picker: what is found, filtered, loaded, and hostile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from modechat.engine.protocol import Failed, Load
from modechat.engine.scripted import ScriptedEngine
from modechat.errors import ModelError, StoreError
from modechat.models.catalog import Looking, ModelFile, find_models
from modechat.models.places import Place
from modechat.session.settings import SessionSettings
from tests.session.fake_files import FakeFiles, with_files
from tests.session.harness import echo, settings
from tests.tiny_models import write_llama
from tests.tui.harness import running_app


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    write_llama(folder / "alpha.Q8_0.gguf", n_ctx_train=8192, extra={"general.file_type": 7})
    write_llama(folder / "beta.gguf", chat_template=None)
    (folder / "broken.gguf").write_bytes(b"GGUF")
    return folder


def with_models(folder: Path, current: str = "alpha.Q8_0.gguf") -> SessionSettings:
    """Settings of a session that finds the models in `folder` and can change between them."""

    def find(cancelled: Callable[[], bool]) -> Iterator[ModelFile | Looking]:
        return find_models([Place("models", folder)], [("in use", folder / current)], cancelled)

    def for_model(name: str) -> SessionSettings:
        if not Path(name).is_file():
            raise ModelError(f"The model {name} does not exist", "Give a GGUF file.")
        load = settings().load.model_copy(update={"model_path": name})
        return replace(
            settings(), load=load, files=FakeFiles(find_models=find, settings_for=for_model)
        )

    return for_model(str(folder / current))


async def test_it_lists_what_there_is_with_what_the_files_say(tmp_path: Path, models: Path) -> None:
    async with running_app(
        tmp_path / "data", session_settings=with_models(models), size=(120, 30)
    ) as screen:
        await screen.settled()
        await screen.press("f3")
        await screen.sees("2 models, and 1 file that cannot be used")
        await screen.sees(" yes ")
        lines = [line for line in screen.text.splitlines() if "yes" in line or " no " in line]
        assert ["●" in line for line in lines] == [True, False]
        assert [word in lines[0] for word in ("alpha", "Q8_0", "8k", "fits", "in use")] == [
            True
        ] * 5
        await screen.sees("unusable")
        await screen.sees("needs about")


async def test_typing_filters_and_enter_loads(tmp_path: Path, models: Path) -> None:
    engine = ScriptedEngine(echo)

    async with running_app(
        tmp_path / "data", engine=engine, session_settings=with_models(models)
    ) as screen:
        await screen.settled()
        await screen.send("/model")
        await screen.sees("2 models")
        await screen.type("bet")
        await screen.until(lambda: "alpha" not in screen.text.split("fits")[0])
        await screen.press("enter")
        await screen.until(lambda: len(screen.app.screen_stack) == 1)
        loads = [request.model_path for request in engine.requests if isinstance(request, Load)]
        assert loads == [str(models / "alpha.Q8_0.gguf"), str(models / "beta.gguf")]


async def test_a_file_that_cannot_be_used_says_why_and_loads_nothing(
    tmp_path: Path, models: Path
) -> None:
    engine = ScriptedEngine(echo)

    async with running_app(
        tmp_path / "data", engine=engine, session_settings=with_models(models)
    ) as screen:
        await screen.settled()
        await screen.press("f3")
        await screen.sees("2 models")
        await screen.press("ctrl+end", "enter")
        await screen.sees("broken.gguf is damaged or incomplete")
        assert sum(isinstance(request, Load) for request in engine.requests) == 1


async def test_a_model_that_vanished_meanwhile_is_told(tmp_path: Path, models: Path) -> None:
    async with running_app(
        tmp_path / "data", session_settings=with_models(models), size=(120, 30)
    ) as screen:
        await screen.settled()
        await screen.press("f3")
        await screen.sees("2 models")
        (models / "beta.gguf").unlink()
        await screen.type("beta")
        await screen.press("enter")
        await screen.until(lambda: "does not exist" in screen.words)


async def test_a_model_that_cannot_be_loaded_is_told_in_the_picker(
    tmp_path: Path, models: Path
) -> None:
    engine = ScriptedEngine(echo)

    async with running_app(
        tmp_path / "data", engine=engine, session_settings=with_models(models)
    ) as screen:
        await screen.settled()
        await screen.press("f3")
        await screen.sees("2 models")
        engine._load_error = Failed(id=None, kind="model", title="There is not enough memory")
        await screen.type("beta")
        await screen.press("enter")
        await screen.sees("There is not enough memory.")
        assert len(screen.app.screen_stack) == 2


async def test_loading_shows_its_progress(tmp_path: Path, models: Path) -> None:
    going_on = asyncio.Event()
    going_on.set()

    async def pace() -> None:
        await going_on.wait()

    settings = with_models(models)
    async with running_app(tmp_path / "data", pace=pace, session_settings=settings) as screen:
        await screen.settled()
        going_on.clear()
        await screen.press("f3")
        await screen.sees("2 models")
        await screen.press("down", "enter")
        await screen.sees("Loading beta")
        await screen.sees("─ 0%")
        going_on.set()
        await screen.until(lambda: len(screen.app.screen_stack) == 1)


async def test_names_and_metadata_of_strangers_are_text(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    write_llama(folder / "[@click=app.quit]x[]\x1b[31m\u202egnp.gguf", name="[/x]\x1b]0;T\x07")
    (folder / ("[bold" + "y" * 200 + ".gguf")).write_bytes(b"")

    (folder / "none").touch()
    settings = with_models(folder, "none")
    async with running_app(tmp_path / "data", session_settings=settings, size=(120, 30)) as screen:
        await screen.settled()
        await screen.press("f3")
        await screen.sees("1 model, and 2 files")
        await screen.sees("[@click=app.quit]x[]␛[31m")
        assert "\x1b" not in screen.text
        assert "\u202e" not in screen.text
        await screen.press("ctrl+end")
        await screen.sees("[boldyyy")


async def test_what_is_said_while_the_search_runs_stays_until_the_filter_changes(
    tmp_path: Path, models: Path
) -> None:
    options = with_models(models)
    going_on, closed = threading.Event(), threading.Event()

    def find(cancelled: Callable[[], bool]) -> Iterator[ModelFile | Looking]:
        found = [one for one in options.files.find_models(cancelled) if isinstance(one, ModelFile)]
        yield from (one for one in found if one.header is None)
        yield Looking("an endless folder")
        going_on.wait()
        yield from (one for one in found if one.name == "beta")
        closed.wait()

    async with running_app(
        tmp_path / "data", session_settings=with_files(options, find_models=find), size=(120, 30)
    ) as screen:
        await screen.settled()
        await screen.press("f3")
        await screen.sees("Looking in an endless folder … 0 models")
        await screen.press("enter")
        await screen.sees("broken.gguf is damaged or incomplete")
        going_on.set()
        await screen.sees("beta")
        assert "broken.gguf is damaged or incomplete" in screen.text
        await screen.type("b")
        await screen.sees("Looking in an endless folder … 1 model")
        closed.set()


async def test_closing_it_ends_the_search(tmp_path: Path) -> None:
    ended = threading.Event()
    started = threading.Event()

    def find(cancelled: Callable[[], bool]) -> Iterator[ModelFile | Looking]:
        yield Looking("an endless folder")
        started.set()
        while not cancelled():
            ended.wait(0.01)
        ended.set()

    async with running_app(
        tmp_path, session_settings=with_files(settings(), find_models=find)
    ) as screen:
        await screen.settled()
        await screen.press("f3")
        await screen.sees("Looking in an endless folder")
        await screen.press("escape")
        await screen.until(ended.is_set)


@pytest.mark.parametrize("size", [(40, 15), (80, 24), (120, 40), (300, 100)])
async def test_it_has_room_in_every_window(
    tmp_path: Path, models: Path, size: tuple[int, int]
) -> None:
    async with running_app(
        tmp_path / "data", session_settings=with_models(models), size=size
    ) as screen:
        await screen.settled()
        await screen.press("f3")
        await screen.sees("2 models")
        await screen.sees("beta")
        await screen.sees("fits")
        await screen.sees("Enter loads")


async def test_without_a_chosen_model_the_screen_begins_with_the_choice(
    tmp_path: Path, models: Path
) -> None:
    engine = ScriptedEngine(echo)
    chosen = with_models(models)
    nothing = replace(
        chosen, load=chosen.load.model_copy(update={"model_path": ""}), has_model=False
    )

    async with running_app(
        tmp_path / "data", engine=engine, session_settings=nothing, size=(100, 30)
    ) as screen:
        await screen.sees("Choose a model to begin")
        await screen.sees("2 models")
        await screen.type("alpha")
        await screen.press("enter")
        await screen.until(lambda: len(screen.app.screen_stack) == 1)
        await screen.settled()
        await screen.send("hello")
        assert screen.replies == ["You said: hello"]
        assert [request.model_path for request in engine.requests if isinstance(request, Load)] == [
            str(models / "alpha.Q8_0.gguf")
        ]


async def test_a_key_makes_a_model_that_of_every_start(tmp_path: Path, models: Path) -> None:
    kept: list[object] = []
    options = with_models(models)

    def keep(changes: object) -> SessionSettings:
        kept.append(changes)
        return options

    async with running_app(
        tmp_path / "data", session_settings=with_files(options, write_defaults=keep), size=(120, 30)
    ) as screen:
        await screen.settled()
        await screen.press("f3")
        await screen.sees("2 models")
        await screen.type("beta")
        await screen.until(lambda: "alpha" not in screen.text.split("fits")[0])
        await screen.press("ctrl+s")
        await screen.sees("Every start begins with beta now.")
        assert kept == [{"model": str(models / "beta.gguf")}]
        assert len(screen.app.screen_stack) == 2


async def test_a_list_of_one_says_where_it_looked_and_how_to_have_more(
    tmp_path: Path, models: Path
) -> None:
    (models / "beta.gguf").unlink()
    (models / "broken.gguf").unlink()

    async with running_app(
        tmp_path / "data", session_settings=with_models(models), size=(120, 30)
    ) as screen:
        await screen.settled()
        await screen.press("f3")
        await screen.sees("1 model. Looked in: models.")
        await screen.sees("put GGUF files into")


async def test_the_picker_tells_that_the_disk_refuses(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_app(tmp_path / "data", session_settings=with_models(models)) as screen:
        await screen.settled()
        assert screen.app.session is not None

        async def refuse(_name: str) -> None:
            raise StoreError("The disk is full")

        monkeypatch.setattr(screen.app.session.model_choice, "use", refuse)
        await screen.send("/model")
        await screen.sees("2 models")
        await screen.press("down", "enter")
        await screen.sees("The disk is full")
        await screen.until(lambda: "Loading" not in screen.text)
