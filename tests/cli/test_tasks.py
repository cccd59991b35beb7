"""Named tasks from the shell: what reaches the engine, and what is wrong use."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from modechat.cli.main import main
from modechat.cli.request import named_task, read_task
from modechat.domain.modes import Task
from modechat.engine.protocol import Generate, InstructPrompt
from modechat.engine.scripted import ScriptedEngine
from modechat.errors import UsageError
from modechat.prompt_files import load_prompt_files
from modechat.prompting.tasks import NamedTask
from tests.cli.conftest import Shell

FILES = load_prompt_files(own=Path("/nonexistent"))
SHOUT = """\
name = "shout"
title = "In capital letters"
instruction = "Write the text in capital letters."
examples = [{ input = "well", response = "WELL" }]
sampling = { temperature = 0.125, stop = ["!"] }
"""


def named(name: str) -> NamedTask:
    found = named_task(name, FILES)
    assert found is not None
    return found


@dataclass
class Desk:
    """The command in this process, with the scripted engine in the place of the worker."""

    home: Path
    model: Path
    monkeypatch: pytest.MonkeyPatch
    engines: list[ScriptedEngine] = field(default_factory=list)

    def run(self, *arguments: str, piped: str = "") -> int:
        self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(piped.encode())))
        return main(["run", *arguments, "--model", str(self.model)])

    def request(self, *arguments: str, piped: str = "") -> tuple[InstructPrompt, Generate]:
        """What reaches the engine, after a run without trouble."""
        assert self.run(*arguments, piped=piped) == 0
        (request,) = (
            request for request in self.engines[-1].requests if isinstance(request, Generate)
        )
        assert isinstance(request.prompt, InstructPrompt)
        return request.prompt, request

    def write(self, path: str, text: str) -> Path:
        file = self.home / "modechat" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file


@pytest.fixture
def desk(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(tmp_path / "config", tiny, monkeypatch)

    def scripted(process: object, *, is_shown: object = None) -> ScriptedEngine:  # noqa: ARG001
        assert process is None
        desk.engines.append(ScriptedEngine(lambda _request: "Done."))
        return desk.engines[-1]

    for variable in ("HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(desk.home))
    monkeypatch.setattr("modechat.engine.process.spawn_worker", lambda: None)
    monkeypatch.setattr("modechat.cli.run.local_engine", scripted)
    return desk


# What is asked for


@pytest.mark.parametrize(
    ("name", "said", "piped", "instruction", "text"),
    [
        (
            "translate",
            "Spanish",
            "I love you\n",
            named("translate").instruction_for("Spanish"),
            "I love you",
        ),
        (
            "translate",
            "",
            "Ich liebe dich",
            named("translate").instruction_for("English"),
            "Ich liebe dich",
        ),
        (
            "translate",
            "Spanish\nGood",
            "night",
            named("translate").instruction_for("Spanish"),
            "Good\nnight",
        ),
        ("summarise", "A long text", "", named("summarise").instruction, "A long text"),
        (
            "summarise",
            "Title",
            "A long text",
            named("summarise").instruction,
            "Title\n\nA long text",
        ),
        ("summarise", "", "\n A long text \n", named("summarise").instruction, " A long text "),
        ("question", "Who came?", "Tom came.", "Who came?", "Tom came."),
    ],
)
def test_the_words_and_what_is_piped_in_make_a_named_task(
    name: str, said: str, piped: str, instruction: str, text: str
) -> None:
    assert read_task(named(name), said, piped) == Task(instruction, text, name=name)


@pytest.mark.parametrize(
    ("name", "said", "piped", "told"),
    [
        ("translate", "Spanish", "", "“translate” has no text to work on"),
        ("summarise", " ", "\n", "“summarise” has no text to work on"),
        ("question", "", "Tom came.", "“question” needs more"),
    ],
)
def test_a_task_without_its_text_or_its_argument_is_wrong_use(
    name: str, said: str, piped: str, told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        read_task(named(name), said, piped)


# What reaches the engine


def test_a_named_task_reaches_the_engine_with_its_instruction_its_input_and_its_examples(
    desk: Desk,
) -> None:
    prompt, _ = desk.request("--task", "translate", "Spanish", piped="I love you\n")
    task = named("translate")
    assert (prompt.instruction, prompt.input) == (task.instruction_for("Spanish"), "I love you")
    assert prompt.examples == task.worked_examples(prompt.instruction)
    assert len(prompt.examples) > 1
    assert not prompt.context_first


def test_a_task_without_a_name_has_no_examples(desk: Desk) -> None:
    prompt, request = desk.request("Translate into Spanish", piped="I love you\n")
    assert (prompt.examples, prompt.context_first, request.sampling.temperature) == (
        (),
        False,
        None,
    )


@pytest.mark.parametrize(("is_terminal", "seconds"), [(True, 0.05), (False, 0.25)])
def test_where_nobody_sees_the_reply_grow_it_comes_in_larger_pieces(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, is_terminal: bool, seconds: float
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    _, request = desk.request("Translate into Spanish", piped="I love you\n")
    assert request.seconds_between_deltas == seconds


def test_a_question_reaches_the_engine_as_one_about_the_text_before_it(desk: Desk) -> None:
    prompt, _ = desk.request("--task", "question", "Who", "came?", piped="Tom came.")
    assert (prompt.instruction, prompt.input, prompt.context_first) == (
        "Who came?",
        "Tom came.",
        True,
    )


def test_the_tasks_sampling_counts_over_the_users_and_what_it_leaves_open_stays(desk: Desk) -> None:
    desk.write("config.toml", "[sampling]\ntemperature = 1.5\ntop_k = 7\n")
    _, request = desk.request("--task", "extract-json", "--seed", "3", piped="Maria, 34")
    assert request.sampling.temperature == 0
    assert (request.sampling.top_k, request.sampling.seed) == (7, 3)
    _, plain = desk.request("Extract", "--seed", "3", piped="Maria, 34")
    assert plain.sampling.temperature == 1.5


def test_the_schema_of_a_task_reaches_the_engine(desk: Desk) -> None:
    _, request = desk.request("--task", "extract-json", piped="Maria, 34")
    assert request.schema_text == named("extract-json").schema_text
    assert json.loads(request.schema_text or "")["type"] == "object"
    _, plain = desk.request("--task", "summarise", piped="Maria, 34")
    assert (plain.schema_text, plain.grammar) == (None, None)


def test_a_system_text_for_tasks_reaches_named_ones_too(desk: Desk) -> None:
    desk.write("config.toml", "instruct.system_prompt = 'Be brief.'\n")
    prompt, _ = desk.request("--task", "summarise", piped="A long text")
    assert prompt.system == "Be brief."


def test_a_task_from_the_users_config_folder_is_run(desk: Desk) -> None:
    desk.write("tasks/shout.toml", SHOUT)
    prompt, request = desk.request("--task", "shout", piped="hello")
    assert (prompt.instruction, prompt.input) == ("Write the text in capital letters.", "hello")
    assert [(example.input, example.response) for example in prompt.examples] == [("well", "WELL")]
    assert (request.sampling.temperature, request.sampling.stop) == (0.125, ("!",))


def test_a_broken_task_of_the_user_is_told_and_the_others_run(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    path = desk.write("tasks/shout.toml", SHOUT.replace("title", "titel"))
    desk.request("--task", "summarise", piped="A long text")
    out, err = capsys.readouterr()
    assert out == "Done.\n"
    assert f"{path}, line" in err
    assert "titel" in err or "title" in err


# The whole way


def refused(shell: Shell, tiny: Path, arguments: Sequence[str], piped: str = "") -> str:
    """What is said about wrong use."""
    done = shell.modechat("run", *arguments, "--model", tiny, piped=piped)
    assert (done.code, done.out) == (2, "")
    return done.err


def test_a_task_that_is_not_there_is_exit_code_2_with_those_that_are(
    shell: Shell, tiny: Path
) -> None:
    own = shell.home / "config" / "modechat" / "tasks" / "shout.toml"
    own.parent.mkdir()
    own.write_text(SHOUT, encoding="utf-8")
    err = refused(shell, tiny, ["--task", "translat", "Spanish"], "I love you")
    assert "There is no task “translat”" in err
    assert "Did you mean translate?" in err
    err = refused(shell, tiny, ["--task", "poem"], "I love you")
    known = err.split("There are: ")[1].rstrip(".\n").split(", ")
    assert known == sorted([*(task.name for task in FILES.tasks), "shout"])


def test_a_task_without_a_text_is_exit_code_2_with_the_way_to_give_one(
    shell: Shell, tiny: Path
) -> None:
    err = refused(shell, tiny, ["--task", "translate", "Spanish"])
    assert "has no text to work on" in err
    assert "--task translate < FILE" in err


def test_a_named_task_is_answered_with_its_examples_in_the_prompt(shell: Shell, tiny: Path) -> None:
    options = ("--model", tiny, "--ctx", "4096", "--json", "--max-tokens", "2")
    done = shell.modechat("run", "--task", "translate", "Spanish", *options, piped="I love you\n")
    assert done.code == 0, done.err
    shown = shell.modechat(
        "prompt", "--task", "translate", "Spanish", *options[:-2], piped="I love you\n"
    )
    prompt = json.loads(shown.out)
    assert json.loads(done.out)["prompt_tokens"] == len(prompt["tokens"])
    task = named("translate")
    for example in task.examples:
        assert (
            f"{example.input}<|im_end|>\n<|im_start|>assistant\n{example.response}"
            in prompt["text"]
        )
    assert f"{task.instruction_for('Spanish')}\n\nI love you<|im_end|>" in prompt["text"]
