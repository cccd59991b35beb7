"""What the program says consists of sentences: all messages in the sources are found, and looked
at.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import modechat
from modechat.commands.actions import ACTIONS, key_name
from modechat.commands.setting_values import SETTINGS
from modechat.domain.mode import Mode, ModeState
from modechat.domain.near import did_you_mean, near
from modechat.domain.notices import notice
from modechat.domain.text import ended, in_one_line

_PACKAGE = Path(modechat.__file__).parent
_SAYING = {
    "Incomplete",
    "Trouble",
    "flash_up",
    "_flash_up",
    "_say",
    "say",
    "notice",
    "standard_output",
    "Remark",
    "add_notice",
    "Failure",
}
_USUAL_KEYS = {key_name(name): action.id for action in ACTIONS for name in action.keys}
_ANY_KEY = "|".join(map(re.escape, sorted(_USUAL_KEYS, key=len, reverse=True)))
_NAMES_KEY = re.compile(rf"(?<![\w+])(?:{_ANY_KEY})(?![\w+])")
_OWN_KEYS = (
    "plain/",  # keys of the terminal
    "tui/screens/",  # keys of a dialog
    "tui/widgets/hint_text.py",
    "tui/widgets/prompt/frame.py",
    "commands/keys.py",
    "commands/keymap.py",
    "commands/prompt_actions.py",
    "cli/parser.py",
    "cli/demo_replies.py",
)
"""Where names of keys are meant that no action of the table has, or that the user cannot change."""
_BROKEN = re.compile(
    r"(?<!\.)\.\.(?!\.)"  # two periods
    r"|[.!?…]”\."  # one within and one behind the quotation
    r"|[^\s.…] [.,;:!?](?=\s|$)"  # space before a mark
    r"|[!?:;,]\.|\.[,;:]"
    r"|\(\)|“”"
)


@cache
def _sources() -> tuple[tuple[str, ast.Module], ...]:
    """Every module of the package, with its name."""
    return tuple(
        (path.relative_to(_PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8")))
        for path in sorted(_PACKAGE.rglob("*.py"))
    )


def _text(node: ast.expr) -> str | None:
    """The text of a literal, with a word in place of each value; None if it is no literal."""
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr(values=values):
            return "".join(
                "value" if isinstance(part, ast.FormattedValue) else _text(part) or ""
                for part in values
            )
        case _:
            return None


def _messages() -> Iterator[tuple[str, str, str]]:
    """Every title and hint of an error, and what is said otherwise, with its place."""
    for name, tree in _sources():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = (
                node.func.attr
                if isinstance(node.func, ast.Attribute)
                else getattr(node.func, "id", "")
            )
            if called.endswith("Error") or called in _SAYING:
                texts = [text for argument in node.args if (text := _text(argument)) is not None]
                if texts:
                    yield f"{name}:{node.lineno}", texts[0], texts[1] if len(texts) > 1 else ""


def test_there_are_messages_to_look_at() -> None:
    assert len(list(_messages())) > 150


def test_every_message_is_punctuated_as_a_sentence() -> None:
    broken = [
        f"{place}: {said}"
        for place, title, hint in _messages()
        for said in (in_one_line(title, hint),)
        if _BROKEN.search(said)
    ]
    assert broken == []


def _calls_of_key() -> Iterator[tuple[str, ast.Call]]:
    for name, tree in _sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "key":
                yield f"{name}:{node.lineno}", node


def test_a_key_in_a_message_is_the_usual_one_of_its_action() -> None:
    wrong = []
    for place, call in _calls_of_key():
        action_id, usual = map(_text, call.args)
        if _USUAL_KEYS.get(usual or "") != action_id:
            wrong.append(f"{place}: {action_id} {usual}")
    assert wrong == []
    assert len(list(_calls_of_key())) > 10


def test_no_message_names_a_key_that_the_user_may_have_changed() -> None:
    marked = {id(argument) for _, call in _calls_of_key() for argument in call.args}
    wrong = []
    for name, tree in _sources():
        if name.startswith(_OWN_KEYS):
            continue
        documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if id(node) in marked | documentation or not isinstance(node, ast.Constant):
                continue
            if isinstance(node.value, str) and _NAMES_KEY.search(node.value):
                wrong.append(f"{name}:{node.lineno}: {node.value}")
    assert wrong == []


def test_title_and_hint_are_joined_in_one_place() -> None:
    """An f-string with a title, and a hint or a period after it, ends a title twice that ends in a
    period itself.
    """
    wrong = []
    for name, tree in _sources():
        for node in ast.walk(tree):
            if not isinstance(node, ast.JoinedStr) or name == "errors.py":
                continue
            parts = node.values
            for part, after in itertools.pairwise(parts):
                is_title = isinstance(part, ast.FormattedValue) and getattr(
                    part.value, "attr", ""
                ) in ("title", "hint")
                if (
                    is_title
                    and isinstance(after, ast.Constant)
                    and str(after.value).startswith(".")
                ):
                    wrong.append(f"{name}:{node.lineno}")
    assert wrong == []


@pytest.mark.parametrize(
    ("title", "hint", "said"),
    [
        ("It is full", "Empty it.", "It is full. Empty it."),
        ("It is full.", "Empty it.", "It is full. Empty it."),
        ("Is it full?", "Look.", "Is it full? Look."),
        ("It says “no.”", "Ask again.", "It says “no.” Ask again."),
        ("It says “no”", "Ask: modechat run", "It says “no”. Ask: modechat run"),
        ("It is full", "", "It is full."),
        ("It goes on …", "Wait.", "It goes on … Wait."),
    ],
)
def test_what_happened_and_what_to_do_are_sentences(title: str, hint: str, said: str) -> None:
    assert in_one_line(title, hint) == said


def test_an_instruction_that_ends_with_a_period_is_quoted_as_it_is() -> None:
    for instruction in ("Translate", "Reply with the translation only.", "Is it?"):
        said = notice(ModeState(Mode.INSTRUCT, instruction))
        assert not _BROKEN.search(said)
        assert f"“{instruction}”" in said
    assert ended("“Translate”") == "“Translate”."


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("tmp", ("temperature",)),
        ("temp", ("temperature",)),
        ("Temprature", ("temperature",)),
        ("ctx", ("n_ctx",)),
        ("num_ctx", ("n_ctx",)),
        ("context-size", ("n_ctx",)),
        ("topp", ("top_p",)),
        ("top-k", ("top_k",)),
        ("repetition_penalty", ("repeat_penalty",)),
        ("max_new_tokens", ("max_tokens",)),
        ("system", ("chat_system",)),
        ("sede", ("seed",)),
        ("xyzzy", ()),
        ("a", ()),
        ("", ()),
    ],
)
def test_settings_are_found_by_what_others_call_them(word: str, meant: tuple[str, ...]) -> None:
    assert near(word, [setting.name for setting in SETTINGS])[:1] == meant


def test_no_guess_is_made_where_nothing_is_near() -> None:
    assert did_you_mean(near("stop", ["tmp", "top"], {}), ["tmp", "top"]) in (
        "Did you mean top?",
        "There are: tmp, top.",
    )
    assert did_you_mean(near("tmp", ["stop"], {}), ["stop"]) == "There are: stop."
    assert did_you_mean((), ()) == ""
