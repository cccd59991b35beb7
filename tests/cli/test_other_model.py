"""The settings for a model that is named while the program runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from modechat.cli.options import ModelOptions
from modechat.cli.setup import session_settings
from modechat.config import Config
from modechat.errors import ModelError
from modechat.prompt_files import load_prompt_files
from modechat.session.settings import SessionSettings
from tests.tiny_models import write_llama


def begun(folder: Path, monkeypatch: pytest.MonkeyPatch) -> SessionSettings:
    """The program was started in `folder`, with a context of its own and a format for its model."""
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(folder)
    first = write_llama(folder / "first.gguf")
    options = ModelOptions(ctx=700, format="alpaca", model=first)
    files = load_prompt_files(own=folder / "none")
    return session_settings(options, Config(unload_after_minutes=2), first, files)


@pytest.mark.parametrize("name", ["other.gguf", "./other.gguf", "~/other.gguf"])
def test_a_model_is_named_as_users_name_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    settings = begun(tmp_path, monkeypatch)
    write_llama(tmp_path / "other.gguf")
    other = settings.files.settings_for(name)
    assert Path(other.load.model_path) == tmp_path / "other.gguf"
    assert (other.load.n_ctx, other.load.format, other.unload_after) == (700, None, 120)
    assert other.files.check_model() is not None


@pytest.mark.parametrize("name", ["nonesuch.gguf", "~nobody-of-that-name/x.gguf", "."])
def test_what_is_no_model_is_an_error_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    settings = begun(tmp_path, monkeypatch)
    with pytest.raises(ModelError) as caught:
        settings.files.settings_for(name)
    assert caught.value.hint
