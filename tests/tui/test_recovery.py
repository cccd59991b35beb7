"""Cut replies, other models and less memory, by typed commands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from modechat.domain.sampling import Sampling
from modechat.engine.events import Cause
from modechat.engine.protocol import Failed, Load
from modechat.engine.scripted import ScriptedEngine
from modechat.errors import ModelError
from modechat.session.events import ModelLoading
from modechat.session.settings import SessionSettings
from tests.session.fake_files import with_files
from tests.session.harness import echo, settings
from tests.tui.harness import running_app


async def test_a_reply_that_was_cut_goes_on_in_its_place(tmp_path: Path) -> None:
    options = replace(settings(), sampling=Sampling(max_tokens=2))

    async with running_app(
        tmp_path, lambda _request: "one **two** three", session_settings=options
    ) as screen:
        await screen.send("Count")
        await screen.sees(
            "⋯ cut: the longest reply that is allowed (max_tokens). /continue goes on"
        )
        await screen.send("/continue")
        await screen.until(lambda: screen.replies == ["one **two** three"])
        await screen.sees("one two three")
        await screen.send("/continue")
        await screen.sees("The last reply is complete.")


async def test_another_model_is_told_and_a_wrong_name_is_given_back(tmp_path: Path) -> None:
    def for_model(name: str) -> SessionSettings:
        if name != "b.gguf":
            raise ModelError(f"The model {name} does not exist", "Give a GGUF file.")
        other = settings()
        return replace(other, load=other.load.model_copy(update={"model_path": "b.gguf"}))

    async with running_app(
        tmp_path, session_settings=with_files(settings(), settings_for=for_model)
    ) as screen:
        await screen.settled()
        await screen.send("/model c.gguf")
        await screen.sees("The model c.gguf does not exist. Give a GGUF file.")
        assert screen.prompt.text == "/model c.gguf"
        await screen.press("ctrl+c")
        screen.prompt.clear()
        await screen.send("/model b.gguf")
        await screen.send("/model")
        await screen.sees("No model was found.")


async def test_an_error_stays_where_it_is_while_the_engine_starts_again(tmp_path: Path) -> None:
    failure = Failed(id=None, kind="context", title="Far too long")

    async with running_app(tmp_path, lambda _request: failure) as screen:
        await screen.send("Hello")
        await screen.sees("✗ Far too long")
        screen.tell(ModelLoading(0.5))
        await screen.sees("Loading the model")
        assert "✗ Far too long" in screen.text
        assert "Waiting for the model" not in screen.text


async def test_a_model_that_lacks_memory_is_loaded_with_less_by_one_command(tmp_path: Path) -> None:
    engine = ScriptedEngine(
        echo,
        load_error=Failed(
            id=None, kind="model", cause=Cause.MEMORY, title="There is not enough memory"
        ),
    )

    async with running_app(tmp_path, engine=engine) as screen:
        await screen.sees("Ctrl+R or /retry loads it with a context of 2,048 tokens.")
        engine._load_error = None
        await screen.send("/retry")
        await screen.sees("Scripted demo")
        loads = [request for request in engine.requests if isinstance(request, Load)]
        assert [load.n_ctx for load in loads] == [None, 2048]
