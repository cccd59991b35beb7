"""`modechat run --schema` and `--grammar`, and tasks that name one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from modechat.errors import EXIT_INCOMPLETE
from tests.cli.conftest import Shell

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 0},
        "city": {"enum": ["Paris", "Madrid", "Rome"]},
    },
    "required": ["name", "age", "city"],
}
MARIA = "Maria Lopez, 34, works as a nurse in Madrid."


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.real_model
def test_a_reply_fits_the_schema(shell: Shell, tmp_path: Path, starter: Path) -> None:
    schema = write(tmp_path / "person.json", PERSON)
    options = ("--schema", schema, "--model", starter, "--max-tokens", "200")
    answers = (
        shell.modechat("run", "Extract the person.", *options, "--seed", str(seed), piped=MARIA)
        for seed in range(5)
    )
    done = next(
        answer for answer in answers if answer.code != EXIT_INCOMPLETE
    )  # a small model may never end a string
    assert (done.code, done.err) == (0, "")
    person = json.loads(done.out)
    jsonschema.validate(person, PERSON)
    assert set(person) == {"name", "age", "city"}  # what they say is the model's: it samples


@pytest.mark.real_model
@pytest.mark.every_day(1)
@pytest.mark.parametrize("text", [MARIA, "Hello! How are you?", "```json\n[1, 2"])
def test_the_task_extract_json_answers_with_an_object_or_says_that_it_was_cut(
    text: str, shell: Shell, starter: Path
) -> None:
    done = shell.modechat(
        "run", "--task", "extract-json", "--model", starter, "--max-tokens", "200", piped=text
    )
    if done.code == 0 or text == MARIA:
        assert isinstance(json.loads(done.out), dict)
    else:
        assert done.code == EXIT_INCOMPLETE
        assert "incomplete" in done.err


@pytest.mark.real_model
def test_a_reply_that_is_cut_says_so_and_has_an_exit_code_of_its_own(
    shell: Shell, tmp_path: Path, starter: Path
) -> None:
    schema = write(tmp_path / "person.json", PERSON)
    options = ("--schema", schema, "--model", starter, "--max-tokens", "5")
    done = shell.modechat("run", "Extract the person.", *options, piped=MARIA)
    assert done.code == EXIT_INCOMPLETE
    assert "incomplete" in done.err
    assert "--max-tokens" in done.err
    as_json = shell.modechat("run", "Extract the person.", *options, "--json", piped=MARIA)
    assert as_json.code == EXIT_INCOMPLETE
    assert json.loads(as_json.out)["stop_reason"] == "length"


@pytest.mark.parametrize("temperature", ["0", "2"])
def test_a_reply_obeys_a_grammar(
    temperature: str, shell: Shell, tmp_path: Path, tiny: Path
) -> None:
    grammar = write(tmp_path / "answer.gbnf", 'root ::= "yes" | "no"')
    done = shell.modechat(
        "run", "Well?", "--grammar", grammar, "--model", tiny, "--temperature", temperature
    )
    assert done.code == 0
    assert done.out in ("yes\n", "no\n")


def test_a_reply_in_the_chat_fits_a_schema_too(shell: Shell, tmp_path: Path, tiny: Path) -> None:
    schema = write(tmp_path / "schema.json", {"const": [1, "é"]})
    done = shell.modechat("run", "### Chat\nHi", "--schema", schema, "--model", tiny)
    assert (done.code, done.out) == (0, '[1, "é"]\n')


def test_a_task_of_the_user_names_a_schema_or_a_grammar_and_the_command_line_counts_over_it(
    shell: Shell, tmp_path: Path, tiny: Path
) -> None:
    folder = shell.home / "config" / "modechat" / "tasks"
    folder.mkdir()
    beginning = 'title = "Vote"\ninstruction = "Vote."\n'
    write(folder / "vote.toml", f'name = "vote"\n{beginning}schema = {{ enum = ["aye"] }}\n')
    write(
        folder / "poll.toml", f"name = \"poll\"\n{beginning}grammar = '''\nroot ::= \"nay\"\n'''\n"
    )
    options = ("--model", tiny)
    assert shell.modechat("run", "--task", "vote", *options, piped="x").out == '"aye"\n'
    assert shell.modechat("run", "--task", "poll", *options, piped="x").out == "nay\n"
    schema = write(tmp_path / "schema.json", {"const": 1})
    assert (
        shell.modechat("run", "--task", "poll", "--schema", schema, *options, piped="x").out
        == "1\n"
    )


def test_a_task_with_a_schema_that_cannot_be_promised_is_told_with_its_file(
    shell: Shell, tiny: Path
) -> None:
    folder = shell.home / "config" / "modechat" / "tasks"
    folder.mkdir()
    text = 'name = "vote"\ntitle = "Vote"\ninstruction = "Vote."\nschema = { pattern = "x" }\n'
    path = write(folder / "vote.toml", text)
    done = shell.modechat("run", "Hi", "--model", tiny, "--max-tokens", "1")
    assert str(path) in done.err
    assert "pattern" in done.err


@pytest.mark.parametrize("option", ["--schema", "--grammar"])
def test_a_file_that_is_not_there_or_no_text_is_wrong_use_and_named(
    option: str, shell: Shell, tmp_path: Path, tiny: Path
) -> None:
    (tmp_path / "latin1").write_bytes(b'{"const": "caf\xe9"}')
    (tmp_path / "folder").mkdir()
    (tmp_path / "large").write_bytes(b" " * (2 << 20))
    for name, told in (
        ("nothing", "does not exist"),
        ("latin1", "not UTF-8"),
        ("folder", "is a folder"),
        ("large", "larger"),
    ):
        done = shell.modechat("run", "Hi", option, tmp_path / name, "--model", tiny)
        assert (done.code, done.out) == (2, "")
        assert str(tmp_path / name) in done.err
        assert told in done.err


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="everything can be read")
def test_a_file_that_may_not_be_read_is_wrong_use(shell: Shell, tmp_path: Path, tiny: Path) -> None:
    path = write(tmp_path / "secret.json", {})
    path.chmod(0)
    done = shell.modechat("run", "Hi", "--schema", path, "--model", tiny)
    assert (done.code, done.out) == (2, "")
    assert "cannot be read" in done.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "line 1, column 2"),
        ('"a"', "a schema must be an object"),
        ('{"type": "strin"}', "there is no type “strin”"),
        ('{"properties": {"a": {"$ref": "https://example.com/a"}}}', "in its part #/properties/a"),
    ],
)
def test_a_file_that_is_no_schema_is_wrong_use_with_the_place(
    text: str, told: str, shell: Shell, tmp_path: Path, tiny: Path
) -> None:
    path = write(tmp_path / "schema.json", text)
    done = shell.modechat("run", "Hi", "--schema", path, "--model", tiny)
    assert (done.code, done.out) == (2, "")
    assert str(path) in done.err
    assert told in done.err


def test_a_text_that_is_no_grammar_is_told_with_the_reason(
    shell: Shell, tmp_path: Path, tiny: Path
) -> None:
    path = write(tmp_path / "answer.gbnf", "root ::= answer")
    done = shell.modechat("run", "Hi", "--grammar", path, "--model", tiny)
    assert (done.code, done.out) == (2, "")
    assert f"The grammar {path} cannot be used" in done.err
    assert "Undefined rule identifier 'answer'" in done.err


def test_a_start_of_the_reply_and_a_schema_are_wrong_use_together(
    shell: Shell, tmp_path: Path, tiny: Path
) -> None:
    path = write(tmp_path / "schema.json", {})
    done = shell.modechat("run", "Count\n### Response\nOne", "--schema", path, "--model", tiny)
    assert (done.code, done.out) == (2, "")
    assert "### Response" in done.err


def test_a_schema_and_a_grammar_are_wrong_use_together(
    shell: Shell, tmp_path: Path, tiny: Path
) -> None:
    path = write(tmp_path / "file", "{}")
    done = shell.modechat("run", "Hi", "--schema", path, "--grammar", path, "--model", tiny)
    assert (done.code, done.out) == (2, "")
    assert "not allowed with" in done.err
