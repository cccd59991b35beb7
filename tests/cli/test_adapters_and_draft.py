"""LoRA adapters and draft models: from the command line and the config to the engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modechat.cli.adapters_and_draft import named_adapter
from modechat.cli.options import ModelOptions, model_options
from modechat.cli.parser import make_parser
from modechat.cli.setup import session_settings
from modechat.config import Config, load_config
from modechat.engine.protocol import Adapter, Load
from modechat.errors import ModelError
from modechat.prompt_files import load_prompt_files
from modechat.session.settings import SessionSettings
from tests.cli.conftest import Shell
from tests.tiny_models import write_llama, write_lora, write_t5

FILES = load_prompt_files(own=Path("/nonexistent"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With `first.gguf`, `other.gguf` and the adapters `tone.gguf` and `a:b.gguf`; it is the
    current folder.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    write_llama(tmp_path / "first.gguf")
    write_llama(tmp_path / "other.gguf", seed=1)
    for name in ("tone.gguf", "a:b.gguf"):
        write_lora(tmp_path / name)
    return tmp_path


def settings_of(folder: Path, *words: str, config: Config | None = None) -> SessionSettings:
    arguments = make_parser().parse_args(words)
    return session_settings(
        model_options(arguments),
        config or Config(),
        folder / "first.gguf",
        FILES,
        vocabulary_only=arguments.command == "prompt",
    )


def load_of(folder: Path, *words: str, config: Config | None = None) -> Load:
    return settings_of(folder, *words, config=config).load


def configured(folder: Path, text: str) -> Config:
    (folder / "config.toml").write_text(text)
    return load_config(folder / "config.toml")


def test_adapters_of_the_command_line_count_before_and_after_the_commands_name(
    folder: Path,
) -> None:
    load = load_of(folder, "--lora", "tone.gguf:0.5", "run", "--lora", "a:b.gguf", "hi")
    assert load.adapters == (
        Adapter(path=str(folder / "tone.gguf"), scale=0.5),
        Adapter(path=str(folder / "a:b.gguf")),
    )


CONFIG = """
lora = ["tone.gguf:2"]
draft = "other.gguf"
speculate = false
[chat]
lora = ["~/a:b.gguf"]
[instruct]
lora = ["tone.gguf"]
"""


def test_those_of_the_config_are_for_both_modes_or_for_one(folder: Path) -> None:
    load = load_of(folder, config=configured(folder, CONFIG))
    assert load.adapters == (
        Adapter(path=str(folder / "tone.gguf"), scale=2),
        Adapter(path=str(folder / "a:b.gguf"), mode="chat"),
        Adapter(path=str(folder / "tone.gguf"), mode="instruct"),
    )
    assert (load.draft_path, load.speculate) == (str(folder / "other.gguf"), False)


def test_the_command_line_takes_their_place(folder: Path) -> None:
    config = configured(folder, CONFIG)
    load = load_of(folder, "--lora", "a:b.gguf", "--draft", "first.gguf", config=config)
    assert load.adapters == (Adapter(path=str(folder / "a:b.gguf")),)
    assert load.draft_path == str(folder / "first.gguf")


def test_they_belong_to_the_model_of_the_start(folder: Path) -> None:
    settings = settings_of(folder, config=configured(folder, CONFIG))
    other = settings.files.settings_for("other.gguf")
    assert (other.load.adapters, other.load.draft_path) == ((), None)
    back = other.files.settings_for("first.gguf")
    assert (back.load.adapters, back.load.draft_path) == (
        settings.load.adapters,
        settings.load.draft_path,
    )


def test_looking_at_prompts_needs_none(folder: Path) -> None:
    load = load_of(folder, "prompt", "--lora", "missing.gguf", "--draft", "missing.gguf", "hi")
    assert (load.adapters, load.draft_path) == ((), None)


@pytest.mark.parametrize(
    ("option", "name", "reason"),
    [
        ("--lora", "missing.gguf", "missing.gguf"),
        ("--lora", "tone.gguf:strong", "tone.gguf:strong"),
        ("--lora", "first.gguf:0.5", "first.gguf is not a LoRA adapter"),
        ("--lora", ".", "is a folder"),
        ("--draft", "missing.gguf", "missing.gguf"),
        ("--draft", "tone.gguf", "is an adapter (LoRA), not a whole model"),
    ],
)
def test_a_wrong_file_is_named(folder: Path, option: str, name: str, reason: str) -> None:
    with pytest.raises(ModelError) as raised:
        load_of(folder, option, name)
    assert reason in raised.value.title
    if not (folder / name).exists() and name != "first.gguf:0.5":
        assert f"There is no file {folder / name}." == raised.value.title
        assert ("must be a number" in raised.value.hint) == (":" in name)
    assert raised.value.hint


def test_an_adapter_that_is_named_later_is_named_as_users_name_files(folder: Path) -> None:
    settings = settings_of(folder)
    expected = Adapter(path=str(folder / "tone.gguf"), scale=0.5)
    assert settings.files.read_adapter("tone.gguf:0.5") == expected
    assert settings.files.read_adapter("~/tone.gguf:0.5") == expected
    with pytest.raises(ModelError):
        settings.files.read_adapter("missing.gguf")


def replies(shell: Shell, *words: str | Path) -> str:
    done = shell.modechat(
        "run", "Tell me something", *words, "--temperature", "0", "--max-tokens", "40", "--json"
    )
    assert done.code == 0, done.err
    reply = json.loads(done.out)["reply"]
    assert isinstance(reply, str)
    return reply


def test_from_the_shell_an_adapter_changes_the_reply_and_a_draft_model_does_not(
    shell: Shell, tiny: Path
) -> None:
    lora = write_lora(shell.home / "lora.gguf")
    plain = replies(shell, "--model", tiny)
    assert replies(shell, "--model", tiny, "--lora", f"{lora}:3") != plain
    assert replies(shell, "--model", tiny, "--lora", f"{lora}:0") == plain
    assert replies(shell, "--model", tiny, "--draft", tiny) == plain


def test_one_that_belongs_to_another_model_is_exit_code_4(shell: Shell, tiny: Path) -> None:
    lora = write_lora(shell.home / "odd.gguf", architecture="mamba")
    draft = write_t5(shell.home / "t5.gguf")
    for option, path, reason in (
        ("--lora", lora, "odd.gguf is no LoRA adapter"),
        ("--draft", draft, "vocabulary"),
    ):
        done = shell.modechat("run", "Hello", "--model", tiny, option, path)
        assert done.code == 4
        assert reason in done.err


def test_arguments_without_them_are_enough(folder: Path) -> None:
    load = session_settings(ModelOptions(), Config(), folder / "first.gguf", FILES).load
    assert (load.adapters, load.draft_path, load.speculate) == ((), None, True)


def test_a_file_in_a_folder_that_is_gone_is_an_error_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ModelError, match="modechat was started there"):
        named_adapter("x.gguf")
    monkeypatch.chdir(tmp_path)
