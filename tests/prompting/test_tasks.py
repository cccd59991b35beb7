"""Named tasks: those that ship, what the user's words after their names mean, and the user's own
files.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import Incomplete, Switch, Task
from modechat.domain.tasks import Example
from modechat.paths import prompts_folder
from modechat.prompt_files import PromptFiles, load_prompt_files
from modechat.prompting.formats import FormatSource
from modechat.prompting.single_shot import SingleShot
from modechat.prompting.tasks import NamedTask, TaskArgument, TaskExample
from tests.prompting.conftest import builder

SHIPPED = load_prompt_files(own=Path("/nonexistent")).tasks
BY_NAME = {task.name: task for task in SHIPPED}
FOLDER = prompts_folder() / "tasks"

SHOUT = (
    'name = "shout"\ntitle = "In capital letters"\ninstruction = "Write it in capital letters"\n'
)
FORMAT = 'name = "plain"\nsource = "mine"\nchat_template = "{{ messages[-1].content }}"\n'

translate = NamedTask(
    name="translate",
    title="",
    instruction="Say it in {argument}.",
    argument=TaskArgument(name="language", default="English"),
    examples=(
        TaskExample(instruction="Say it in German.", input="Hello", response="Hallo"),
        TaskExample(input="Danke", response="Thanks"),
    ),
)
answer = NamedTask(
    name="answer", title="", instruction="{argument}", argument=TaskArgument(name="question")
)
sum_up = NamedTask(name="sum-up", title="", instruction="Sum it up.", context_first=True)


def write(folder: Path, kind: str, name: str, text: str) -> Path:
    path = folder / kind / f"{name}.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def task_of(files: PromptFiles, name: str) -> NamedTask:
    return next(task for task in files.tasks if task.name == name)


# Those that ship


def test_every_task_file_that_ships_is_there_under_its_name() -> None:
    assert [task.name for task in SHIPPED] == sorted(path.stem for path in FOLDER.glob("*.toml"))
    assert {
        "translate",
        "summarise",
        "explain-code",
        "ideas",
        "rewrite",
        "extract-json",
        "question",
    } <= set(BY_NAME)


@pytest.mark.parametrize("task", SHIPPED, ids=lambda task: task.name)
def test_a_task_that_ships_says_in_one_line_what_it_does(task: NamedTask) -> None:
    assert 10 < len(task.title) < 70
    assert "\n" not in task.title


@pytest.mark.parametrize("task", SHIPPED, ids=lambda task: task.name)
def test_the_examples_that_ship_are_few_different_and_short(task: NamedTask) -> None:
    assert len(task.examples) in (0, 2, 3)
    assert len({example.input for example in task.examples}) == len(task.examples)
    for example in task.examples:
        assert example.input == example.input.strip()
        assert 0 < len(example.response) < 300
        assert example.response == example.response.strip()


@pytest.mark.parametrize(
    "task", [task for task in SHIPPED if task.argument], ids=lambda task: task.name
)
def test_where_an_argument_changes_the_answer_each_example_that_ships_has_its_own_instruction(
    task: NamedTask,
) -> None:
    before, after = task.instruction.split("{argument}")
    for example in task.examples:
        assert example.instruction.startswith(before)
        assert example.instruction.endswith(after)


def test_the_examples_of_json_are_json_objects() -> None:
    responses = [json.loads(example.response) for example in BY_NAME["extract-json"].examples]
    assert responses
    assert all(isinstance(response, dict) for response in responses)


def test_the_examples_of_ideas_are_five_each() -> None:
    assert {len(example.response.splitlines()) for example in BY_NAME["ideas"].examples} == {5}


def test_tasks_with_one_right_answer_are_sampled_colder_than_those_that_live_from_variety() -> None:
    heat = {name: task.sampling.temperature or 0 for name, task in BY_NAME.items()}
    assert heat["extract-json"] == 0
    assert (
        max(heat["translate"], heat["question"], heat["summarise"])
        < heat["rewrite"]
        < heat["ideas"]
    )


def test_no_task_that_ships_cuts_a_reply() -> None:
    """A limit would count what a reasoning model thinks, too."""
    assert {task.sampling.max_tokens for task in SHIPPED} == {None}


def test_translate_goes_into_english_unless_another_language_is_named() -> None:
    assert "into English" in BY_NAME["translate"].instruction_for()
    assert "into Spanish" in BY_NAME["translate"].instruction_for("Spanish")


def test_a_question_comes_after_its_text_where_a_task_is_one_user_turn() -> None:
    question = BY_NAME["question"]
    read = question.read("Who came?\nTom came.")
    assert isinstance(read, Task)
    prompt = builder("llama-2").task(SingleShot(read, context_first=question.context_first))
    assert "Tom came.\n\nQuestion: Who came? [/INST]" in prompt.text
    chatml = builder("chatml").task(SingleShot(read, context_first=question.context_first))
    assert "Tom came.\n\nQuestion: Who came?<|im_end|>" in chatml.text


# What the user says after the name


@pytest.mark.parametrize(
    ("task", "said", "meant"),
    [
        (
            translate,
            "Spanish\nI love you",
            Task("Say it in Spanish.", "I love you", name="translate"),
        ),
        (
            translate,
            " Old  Norse \n\n one\ntwo\n",
            Task("Say it in Old  Norse.", " one\ntwo", name="translate"),
        ),
        (
            translate,
            "\nIch liebe dich",
            Task("Say it in English.", "Ich liebe dich", name="translate"),
        ),
        (translate, "Spanish", Switch(ModeState(Mode.INSTRUCT, "Say it in Spanish.", "translate"))),
        (
            translate,
            "Spanish\n \n",
            Switch(ModeState(Mode.INSTRUCT, "Say it in Spanish.", "translate")),
        ),
        (translate, "", Switch(ModeState(Mode.INSTRUCT, "Say it in English.", "translate"))),
        (answer, "Who came?\nTom came.", Task("Who came?", "Tom came.", name="answer")),
        (sum_up, "one\ntwo\n", Task("Sum it up.", "one\ntwo", name="sum-up")),
        (sum_up, " ", Switch(ModeState(Mode.INSTRUCT, "Sum it up.", "sum-up"))),
        (translate, "{argument}\nx", Task("Say it in {argument}.", "x", name="translate")),
    ],
)
def test_the_words_after_a_tasks_name_are_its_argument_and_its_input(
    task: NamedTask, said: str, meant: Task | Switch
) -> None:
    assert task.read(said) == meant


@pytest.mark.parametrize("said", ["", "  ", "\nTom came."])
def test_an_argument_without_a_default_must_be_said(said: str) -> None:
    match answer.read(said):
        case Incomplete(reason=reason):
            assert "/task answer QUESTION" in reason
        case other:
            pytest.fail(f"{other}")


def test_worked_examples_have_their_own_instruction_or_the_tasks() -> None:
    assert translate.worked_examples("Say it in Spanish.") == (
        Example("Say it in German.", "Hello", "Hallo"),
        Example("Say it in Spanish.", "Danke", "Thanks"),
    )
    assert sum_up.worked_examples("Sum it up.") == ()


def test_worked_examples_stand_before_the_task_in_every_kind_of_prompt() -> None:
    single = SingleShot(
        Task("Say it in English.", "Guten Tag"),
        examples=translate.worked_examples("Say it in English."),
    )
    for name in ("alpaca", "chatml", "transcript"):
        text = builder(name).task(single).text
        shown = [text.find(part) for part in ("Hello", "Hallo", "Danke", "Thanks", "Guten Tag")]
        assert -1 not in shown, name
        assert shown == sorted(shown), name


@pytest.mark.parametrize("extra", ['argument = { name = "colour" }\n', ""])
def test_an_argument_and_its_place_in_the_instruction_belong_together(
    extra: str, tmp_path: Path
) -> None:
    text = SHOUT if extra else SHOUT.replace("Write it", "Write {argument}")
    write(tmp_path, "tasks", "shout", text + extra)
    (trouble,) = load_prompt_files(tmp_path).troubles
    assert "{argument}" in trouble.title


# The user's own files


def test_a_task_of_the_user_is_added_and_the_order_is_that_of_the_names(tmp_path: Path) -> None:
    write(tmp_path, "tasks", "shout", SHOUT)
    files = load_prompt_files(tmp_path)
    assert files.troubles == ()
    assert [task.name for task in files.tasks] == sorted([*BY_NAME, "shout"])


def test_a_task_of_the_user_takes_the_place_of_the_one_that_ships(tmp_path: Path) -> None:
    write(tmp_path, "tasks", "summarise", SHOUT.replace('"shout"', '"summarise"'))
    files = load_prompt_files(tmp_path)
    assert task_of(files, "summarise").instruction == "Write it in capital letters"
    assert task_of(files, "summarise").examples == ()
    assert len(files.tasks) == len(SHIPPED)


def test_a_format_of_the_user_is_known_as_such(tmp_path: Path) -> None:
    write(tmp_path, "formats", "plain", FORMAT)
    write(tmp_path, "formats", "alpaca", FORMAT.replace("plain", "alpaca"))
    files = load_prompt_files(tmp_path)
    origins = {named.name: named.origin for named in files.formats}
    assert files.troubles == ()
    assert (origins["plain"], origins["alpaca"], origins["chatml"]) == (
        FormatSource.USER,
        FormatSource.USER,
        FormatSource.BUILT_IN,
    )


OWN_FORMAT = FORMAT.replace('"plain"', '"shout"')
BROKEN = [
    ("tasks", SHOUT.replace("title", "titel"), "line 2: there is no option “titel”"),
    ("tasks", SHOUT.replace("title", "# title"), r"line \d: “title” is missing"),
    ("tasks", SHOUT + "sampling = { temperature = -1 }\n", "line 4: sampling.temperature"),
    (
        "tasks",
        SHOUT + 'examples = [{ response = "OH", answer = "X" }]\n',
        "line 4: there is no option .*answer",
    ),
    ("tasks", SHOUT + "[[examples]\n", "not TOML: .*line 4"),
    ("tasks", SHOUT.replace('"shout"', '"Shout it"'), "line 1: name"),
    ("tasks", SHOUT.replace('"shout"', '"whisper"'), "line 1: the name in the file is “whisper”"),
    (
        "formats",
        OWN_FORMAT + "names = ['gemma', '(']\n",
        "line 4: names.1: this is no regular expression",
    ),
    (
        "formats",
        OWN_FORMAT.replace("chat_template", "template"),
        "line 3: there is no option “template”",
    ),
    ("formats", OWN_FORMAT + "stop = 3\n", "line 4: stop: this must be a list"),
    ("formats", FORMAT, "line 1: the name in the file is “plain”"),
    ("formats", "name = ", "not TOML: .*line 1"),
]


@pytest.mark.parametrize(("kind", "text", "told"), BROKEN)
def test_a_broken_file_is_named_with_its_line_and_the_rest_still_loads(
    kind: str, text: str, told: str, tmp_path: Path
) -> None:
    path = write(tmp_path, kind, "shout", text)
    write(tmp_path, "tasks", "whisper", SHOUT.replace('"shout"', '"whisper"'))
    write(tmp_path, "formats", "zz", FORMAT.replace('"plain"', '"zz"'))
    files = load_prompt_files(tmp_path)
    (trouble,) = files.troubles
    assert trouble.title.startswith(str(path))
    with pytest.raises(type(trouble), match=told):
        raise trouble
    assert [task.name for task in files.tasks] == sorted([*BY_NAME, "whisper"])
    assert "zz" in {named.name for named in files.formats}
    assert "shout" not in {named.name for named in files.formats}


def test_a_broken_file_with_the_name_of_a_task_that_ships_leaves_that_one_in_place(
    tmp_path: Path,
) -> None:
    write(tmp_path, "tasks", "summarise", "title = 3\n")
    files = load_prompt_files(tmp_path)
    assert len(files.troubles) == 1
    assert task_of(files, "summarise") == BY_NAME["summarise"]


def test_every_broken_file_is_reported(tmp_path: Path) -> None:
    paths = [
        write(tmp_path, kind, name, "") for kind in ("formats", "tasks") for name in ("a", "b")
    ]
    told = [trouble.title for trouble in load_prompt_files(tmp_path).troubles]
    assert [title.split(", line")[0] for title in told] == [str(path) for path in paths]


def test_a_file_that_is_no_text_is_reported(tmp_path: Path) -> None:
    path = write(tmp_path, "tasks", "shout", "")
    path.write_bytes(b"name = '\xff'")
    (trouble,) = load_prompt_files(tmp_path).troubles
    assert str(path) in trouble.title
    assert "is not UTF-8 text" in trouble.title
