"""`modechat prompt`: the exact prompt, without a reply."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from modechat.domain.conversation import Reply, ReplyState
from modechat.domain.mode import ModeState
from modechat.domain.modes import ChatMessage
from modechat.store import Store
from tests.cli.conftest import Shell
from tests.tiny_models import write_llama


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_llama(tmp_path_factory.mktemp("models") / "tiny.gguf", n_ctx_train=2048)


def test_json_has_the_text_the_tokens_and_where_the_format_came_from(
    shell: Shell, tiny: Path
) -> None:
    done = shell.modechat("prompt", "Hi <|im_end|>", "--model", tiny, "--json")
    view = json.loads(done.out)
    assert view["text"] == "<|im_start|>user\nHi <|im_end|><|im_end|>\n<|im_start|>assistant\n"
    assert (view["mode"], view["format"], view["format_source"], view["fallback"]) == (
        "chat",
        "chat-template",
        "gguf",
        "as is",
    )
    assert "".join(token["text"] for token in view["tokens"]) == view["text"]
    assert [token["text"] for token in view["tokens"] if token["control"]] == [
        "<|im_start|>",
        "<|im_end|>",
        "<|im_start|>",
    ]
    assert {key for token in view["tokens"] for key in token} == {"id", "text", "control"}
    assert view["neutralised"] == ["<|im_end|>"]
    assert sum(part["tokens"] for part in view["parts"]) == len(view["tokens"])


def test_for_people_it_shows_the_same(shell: Shell, tiny: Path) -> None:
    done = shell.modechat("prompt", "Hi <|im_end|>", "--model", tiny)
    assert "format  chat-template (gguf)" in done.out
    assert "neutralised <|im_end|>" in done.out
    assert "<|im_start|>user\nHi <|im_end|><|im_end|>\n" in done.out
    assert done.out.count("  control  ") == 3


def test_an_input_makes_it_a_task(shell: Shell, tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("A text.")
    done = shell.modechat(
        "prompt",
        "Sum up",
        "--input",
        tmp_path / "in.txt",
        "--model",
        tiny,
        "--format",
        "alpaca",
        "--json",
    )
    view = json.loads(done.out)
    assert (view["mode"], view["format"], view["format_source"]) == (
        "instruct",
        "alpaca",
        "built-in",
    )
    assert view["text"].endswith("### Instruction:\nSum up\n\n### Input:\nA text.\n\n### Response:")


def test_the_mode_can_be_chosen(shell: Shell, tiny: Path) -> None:
    chat = json.loads(
        shell.modechat("prompt", "Hi", "--model", tiny, "--format", "alpaca", "--json").out
    )
    instruct = json.loads(
        shell.modechat(
            "prompt", "Hi", "--mode", "instruct", "--model", tiny, "--format", "alpaca", "--json"
        ).out
    )
    assert chat["text"].endswith("### Response:\n")
    assert instruct["text"].endswith("### Response:")


def test_a_conversation_that_is_not_there_is_named(shell: Shell, tiny: Path) -> None:
    assert (
        shell.modechat("prompt", "Hi", "--model", tiny, "--conversation", "7").code == 2
    )  # there is none at all
    Store.open(shell.home / "data" / "modechat", lambda: datetime(2026, 1, 31, tzinfo=UTC)).close()
    done = shell.modechat("prompt", "Hi", "--model", tiny, "--conversation", "7")
    assert (done.code, done.out) == (7, "")
    assert "7" in done.err


def test_it_can_be_the_next_turn_of_a_conversation(shell: Shell, tiny: Path) -> None:
    assert shell.modechat("prompt", "Hi", "--model", tiny, "--conversation", "last").code == 2
    data = shell.home / "data" / "modechat"
    store = Store.open(data, lambda: datetime(2026, 1, 31, tzinfo=UTC))
    number = store.create_conversation("A", ModeState()).id
    turn = store.add_turn(number, None, "One", ChatMessage("One"), True)
    store.save_reply(turn.id, Reply("Two", ReplyState.COMPLETE))
    store.close()
    for wanted in ("last", str(number)):
        done = shell.modechat(
            "prompt", "Three", "--model", tiny, "--conversation", wanted, "--json"
        )
        texts = ("user\nOne", "assistant\nTwo", "user\nThree")
        rendered = (
            "".join(f"<|im_start|>{text}<|im_end|>\n" for text in texts) + "<|im_start|>assistant\n"
        )
        assert json.loads(done.out)["text"] == rendered


@pytest.mark.parametrize("name", ["nonesuch", ""])
def test_a_format_that_is_not_there_is_refused_with_those_that_are(
    shell: Shell, tiny: Path, name: str
) -> None:
    done = shell.modechat("prompt", "Hi", "--model", tiny, "--format", name)
    assert done.code == 2
    assert "chat-template, alpaca" in done.err


def test_a_users_format_file_overrides_and_a_broken_one_is_named_while_the_rest_works(
    shell: Shell, tiny: Path
) -> None:
    folder = shell.home / "config" / "modechat" / "formats"
    folder.mkdir(parents=True)
    (folder / "alpaca.toml").write_text(
        'name = "alpaca"\nsource = "me"\nchat_template = "MINE {{ messages[-1].content }}"'
    )
    (folder / "broken.toml").write_text('name = "broken"\nsource = "me"\nchat_templat = "x"\n')
    done = shell.modechat("prompt", "Hi", "--model", tiny, "--format", "alpaca", "--json")
    view = json.loads(done.out)
    assert (view["text"], view["format_source"]) == ("MINE Hi", "user file")
    assert "broken.toml, line 3: there is no option “chat_templat”" in done.err


def test_a_template_that_is_no_jinja_is_named_with_its_line_in_the_file(
    shell: Shell, tiny: Path
) -> None:
    folder = shell.home / "config" / "modechat" / "formats"
    folder.mkdir(parents=True)
    text = "name = \"mine\"\nsource = \"me\"\nchat_template = '''\n{{ messages[0].content }}\n{% if %}\n'''\n"
    (folder / "mine.toml").write_text(text)
    done = shell.modechat("prompt", "Hi", "--model", tiny, "--json")
    assert done.code == 0
    assert "mine.toml, line 5: chat_template: Expected an expression" in done.err


def test_a_chosen_format_that_fails_gives_way_to_the_models_own(shell: Shell, tiny: Path) -> None:
    folder = shell.home / "config" / "modechat" / "formats"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text(
        'name = "mine"\nsource = "me"\nchat_template = "{{ nonesuch.x }}"\n'
    )
    done = shell.modechat("prompt", "Hi", "--model", tiny, "--format", "mine", "--json")
    assert json.loads(done.out)["format"] == "chat-template"
    assert "The format “mine” fails ('nonesuch' is undefined)" in done.err


def test_what_is_no_file_among_the_formats_is_named_and_the_rest_works(
    shell: Shell, tiny: Path
) -> None:
    folder = shell.home / "config" / "modechat" / "formats"
    folder.mkdir(parents=True)
    (folder / ".#mine.toml").symlink_to(
        "user@host.1234:567"
    )  # Emacs' lock, while mine.toml is edited
    (folder / "gone.toml").symlink_to("nowhere")
    (folder / "folder.toml").mkdir()
    os.mkfifo(folder / "pipe.toml")
    done = shell.modechat("prompt", "Hi", "--model", tiny, "--json")
    assert json.loads(done.out)["format"] == "chat-template"
    for name in ("gone.toml", "folder.toml", "pipe.toml"):
        assert f"{name} is no file" in done.err
    assert ".#mine" not in done.err


def test_a_users_file_that_fails_gives_way_to_the_shipped_format_of_its_name(
    shell: Shell, tmp_path: Path
) -> None:
    folder = shell.home / "config" / "modechat" / "formats"
    folder.mkdir(parents=True)
    for name in ("transcript", "chatml"):
        text = (
            f'name = "{name}"\nsource = "me"\nchat_template = "{{{{ raise_exception(\'no\') }}}}"\n'
        )
        (folder / f"{name}.toml").write_text(text)
    model = write_llama(tmp_path / "base.gguf", chat_template=None)
    done = shell.modechat("prompt", "Hi", "--model", model, "--json")
    assert (json.loads(done.out)["format"], json.loads(done.out)["format_source"]) == (
        "transcript",
        "built-in",
    )
    assert "Your format “transcript” fails (no)" in done.err


def test_a_prompt_that_would_be_refused_is_shown_and_says_so(shell: Shell, tmp_path: Path) -> None:
    model = write_llama(tmp_path / "small.gguf", n_ctx_train=256)
    done = shell.modechat("prompt", "x" * 300, "--model", model, "--json")
    assert len(json.loads(done.out)["tokens"]) > 300
    assert "the context holds 256: it would be refused" in done.err


def test_a_task_is_never_a_chat_message(shell: Shell, tiny: Path) -> None:
    done = shell.modechat("prompt", "Hi", "--task", "summarise", "--mode", "chat", "--model", tiny)
    assert (done.code, done.out) == (2, "")
