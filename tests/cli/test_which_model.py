"""Which model is used where none is named: the one that was used last, the starter model, or what
is found.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from modechat.cli.which_model import choose_model, model_to_begin_with
from modechat.config import Config
from modechat.models.recent import RecentModels
from modechat.models.starter import starter_model
from modechat.paths import data_folder
from tests.cli.conftest import Shell
from tests.tiny_models import write_llama


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    return tmp_path


def test_what_is_named_counts_then_the_config_then_what_was_used_last_then_the_starter(
    home: Path,
) -> None:
    named, configured, last, gone = (
        write_llama(home / f"{name}.gguf") for name in ("n", "c", "l", "g")
    )
    for path in (configured, last, gone):
        RecentModels(data_folder()).remember(path)
    gone.unlink()
    config = Config(model=configured)
    assert choose_model(named, config) == named
    assert choose_model(None, config) == configured
    assert choose_model(None, Config()) == last
    last.unlink()
    configured.unlink()
    assert model_to_begin_with(None, Config()) == starter_model()


@pytest.mark.parametrize("command", [("run", "hi"), ("--plain",), ("prompt", "hi"), ("bench",)])
def test_where_none_is_named_the_models_of_the_machine_are_listed_with_what_uses_them(
    shell: Shell, command: tuple[str, ...]
) -> None:
    shell.hide_starter_model()
    (shell.home / "models").mkdir()
    model = write_llama(shell.home / "models" / "my model.gguf")
    done = shell.process(*command, piped="hi\n" if command == ("--plain",) else "")
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("modechat: No model is chosen yet\n")
    assert "my model, " in done.err
    assert f"--model '{model}'" in done.err
    assert "pip install" not in done.err


def test_a_model_that_cannot_be_used_is_no_model_to_choose(shell: Shell) -> None:
    shell.hide_starter_model()
    (shell.home / "models").mkdir()
    (shell.home / "models" / "broken.gguf").write_bytes(b"GGUF")
    done = shell.modechat("run", "hi")
    assert (done.code, "There is no model yet" in done.err) == (4, True)


def test_the_model_of_a_chat_is_used_by_the_next_start(shell: Shell) -> None:
    model = write_llama(shell.home / "mine.gguf")
    options = ("--max-tokens", "1", "--ctx", "256")
    assert shell.process("--plain", "--model", model, *options, piped="hi\n").code == 0
    assert '"mine"' in shell.modechat("run", "hi", "--json", *options).out
