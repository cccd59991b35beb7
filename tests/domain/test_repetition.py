"""What counts as a text that repeats itself, and what is honest text that only looks like it."""

from __future__ import annotations

import base64
import inspect
import json
import random
import re
import statistics
import textwrap
import types
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.domain.repetition import Repetition, RepetitionGuard


def watch(text: str, given: tuple[str, ...] = (), size: int = 4) -> tuple[Repetition | None, str]:
    """What was found, and the text up to there."""
    guard = RepetitionGuard(given)
    for start in range(0, len(text), size):
        if found := guard.feed(text[start : start + size]):
            return found, text[: start + size]
    return None, text


LOOPS = {
    "words": "Your translation: " + "estoy amigos, " * 1000,
    "one word": "A cat is a " + "little " * 1000,
    "a sentence": "Once there was a fox. " + "The fox ran into the forest and was happy. " * 200,
    "a line": "Uses of a brick:\n" + "- A brick can be used to build a wall.\n" * 200,
    "a paragraph": "Well.\n\n"
    + ("The committee met on Monday, and it was decided to go on with the plan. " * 3 + "\n\n")
    * 50,
    "a long paragraph": " ".join(f"word{n} follows" for n in range(90)).join(
        ["Begin: "] + [""] * 10
    ),
    "a list with numbers": "\n".join(
        f"{n}. Use it as a paperweight on your desk." for n in range(1, 400)
    ),
    "a list with headings": "".join(
        f"### Step {n}\n\nWait until the water boils, then go on.\n\n" for n in range(1, 200)
    ),
    "inside a JSON string": '{"date": "Friday ' + "at 10:10 " * 800,
    "items of JSON": '{"items": [' + '"eggs, milk, bread", ' * 300,
    "line breaks": "Done." + "\n" * 5000,
    "line breaks with spaces": "Done." + " \n" * 5000,
    "blank space": "Done." + " " * 5000,
    "a letter": "N" + "o" * 9000,
    "signs": "!" * 9000,
    "empty code blocks": "Well.\n\n" + "```\n\n```\n\n" * 300,
    "empty code blocks of a language": "```python\nx=1\n```\n" + "```\n```\n" * 300,
    "rulers without end": "---\n\n" * 500,
    "empty rows": "| a | b |\n|---|---|\n" + "|  |  |\n" * 400,
    "Chinese": "好的。" + "我爱你，" * 800,
    "Thai": "สวัสดี" * 800,
    "emoji": "😀 " * 5000,
    "invisible characters": "Well\u200b" + "\u200b\u200c" * 5000,
    "a refrain without end": ("Row, row, row your boat,\nGently down the stream.\n" * 100),
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_text_without_end_that_says_the_same_is_found(name: str) -> None:
    found, seen = watch(LOOPS[name])
    assert found is not None
    assert len(seen) < 8192
    assert seen.endswith(found.surplus)


@pytest.mark.parametrize(
    "name", [name for name in LOOPS if "number" not in name and "headings" not in name]
)
def test_what_is_kept_says_it_once_at_least_and_nearly_once(name: str) -> None:
    text = LOOPS[name]
    found, seen = watch(text)
    assert found is not None
    kept = seen.removesuffix(found.surplus)
    assert text.startswith(kept)
    assert found.unit in text[: len(kept) + len(found.unit)]
    assert kept.count(found.unit) <= 2
    assert found.times > 3


def test_a_list_is_cut_behind_one_item() -> None:
    found, seen = watch(LOOPS["a list with numbers"])
    assert found is not None
    assert seen.removesuffix(found.surplus) == "1. Use it as a paperweight on your desk.\n"


def test_a_sentence_is_cut_behind_its_end() -> None:
    found, seen = watch(LOOPS["a sentence"])
    assert found is not None
    assert seen.removesuffix(found.surplus).endswith("The fox ran into the forest and was happy.")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 48, 1000])
def test_pieces_make_no_great_difference(size: int) -> None:
    for text in LOOPS.values():
        found, _ = watch(text, size=size)
        assert found is not None


ROWS = "".join("| " + " | ".join(["yes", "no", "0"]) + " |\n" for _ in range(12))
HONEST = {
    "a table": "| a | b | c |\n|---|---|---|\n" + ROWS,
    "a table of numbers": "".join(f"| {n} | {n * n} | {n**3} |\n" for n in range(300)),
    "a table to multiply": "".join(f"{n} x 7 = {7 * n}\n" for n in range(300)),
    "counting": ", ".join(map(str, range(2000))),
    "counting with a word": "\n".join(f"Line {n}" for n in range(100)),
    "a ruler": "Title\n" + "-" * 200 + "\n" + "=" * 200,
    "rulers": ("-" * 79 + "\n") * 10,
    "an empty form": "|   |   |   |   |   |\n" * 40,
    "rulers for notes": "- \n" * 40,
    "dots between lines": "Dear reader,\n" + ".\n" * 60,
    "zeros": "int zeros[] = {" + "0, " * 512 + "0};",
    "hexadecimal zeros": "{" + "0x00, " * 256 + "}",
    "bytes": "ff ff ff ff " * 100,
    "a board": "[\n" + ("  [" + ", ".join(["None"] * 8) + "],\n") * 8 + "]",
    "a board of false": ("[" + ", ".join(["false"] * 8) + "],\n") * 8,
    "base64 of zeros": base64.encodebytes(bytes(2000)).decode(),
    "base64 of spaces": base64.b64encode(b" " * 1500).decode(),
    "base64": base64.encodebytes(random.Random(1).randbytes(9000)).decode(),
    "JSON": json.dumps([{"name": f"n{n % 3}", "done": False} for n in range(12)], indent=2),
    "JSON rows": json.dumps([[0, 1] * 8 for _ in range(30)]),
    "a refrain": (
        "Row, row, row your boat,\nGently down the stream.\n"
        + "Merrily, merrily, merrily, merrily,\n" * 3
    )
    * 3,
    "na na na": "Na, na na na-na-na-na, na-na-na-na, hey Jude\n" * 10,
    "laughter": "ha" * 200,
    "all work": "All work and no play makes Jack a dull boy.\n" * 12,
    "ASCII art": "\n".join(" " * n + "/" + " " * (80 - 2 * n) + "\\" for n in range(40))
    + "\n"
    + ("#" * 60 + "\n") * 20,
    "blank lines": "a" + "\n" * 30 + "b",
    "code with the same lines": "    next(values)\n" * 20,
    "assertions": "".join(f"    assert f({n}) == {n % 7}\n" for n in range(200)),
    "a star pyramid": "\n".join("*" * n for n in range(60)),
    "dots of a table of contents": "\n".join(
        f"Chapter {n} {'.' * 60} {7 * n}" for n in range(1, 40)
    ),
}


@pytest.mark.parametrize("name", HONEST)
def test_honest_text_raises_no_alarm(name: str) -> None:
    assert watch(HONEST[name])[0] is None


@pytest.mark.parametrize(
    "module", [base64, inspect, json, random, statistics, textwrap, types, typing]
)
@pytest.mark.every_day(3)
def test_code_raises_no_alarm(module: types.ModuleType) -> None:
    assert watch(inspect.getsource(module), size=16)[0] is None


def test_what_the_users_text_repeats_may_be_copied() -> None:
    log = "connection lost, trying again\n" * 60
    assert watch(log)[0] is not None
    assert watch(log, given=("Format this log:\n" + log,))[0] is None
    assert watch(log * 20, given=("Format this log:\n" + log,))[0] is not None


ASKED = {
    "Write “I will not talk in class” 100 times.": "I will not talk in class.\n",
    "write I am sorry 60 times": "I am sorry ",
    "Repeat the word banana 300 times": "banana ",
    "Say 'I love you, Ana!' 80 times, as a numbered list": "1. I love you, Ana!\n",
    "200 lines of `assert True`, please": "    assert True\n",
    "Write “I am sorry” 300 times, numbered. My PIN is 9999.": "1. I am sorry\n",
    "Repeat hello 1,000 times": "hello ",
    "Schreibe „Ich übe jeden Tag“ 90-mal": "Ich übe jeden Tag. ",
}


@pytest.mark.parametrize("asked", ASKED)
def test_what_the_user_asks_for_so_often_may_be_said_so_often_and_no_more(asked: str) -> None:
    unit, number = ASKED[asked], int(re.sub(r",", "", re.search(r"[\d,]*\d", asked)[0]))  # type: ignore[index]
    lines = [unit.replace("1.", f"{n}.") for n in range(1, 4000)]
    assert watch("Sure:\n" + "".join(lines[:number]), (asked,))[0] is None
    assert watch("Sure:\n" + "".join(lines), (asked,))[0] is not None
    assert watch("Sure:\n" + "".join(lines), ("Write 500 lines about cats.",))[0] is not None


@pytest.mark.parametrize(
    ("given", "unit"),
    [
        ("Tell me about World War 2 from 1939 to 1945", "World War "),
        ("What happened in 1969, the moon landing?", "The moon landing. "),
        ("Use at most 2000 tokens. A cat sat on a mat.", "A cat sat on a mat. "),
        ("I was born in 1990 and I love music", "1. I love music\n"),
        ("It is 2026. Write “I am sorry” 3 times.", "I am sorry. "),
        ("Write a 500 word essay about climate change", "climate change "),
    ],
)
def test_a_number_that_asks_for_nothing_leaves_the_guard_on(given: str, unit: str) -> None:
    found, text = watch("".join(unit.replace("1.", f"{n}.") for n in range(1, 4000)), (given,))
    assert found is not None
    assert len(text) < 3_000


def test_what_had_to_be_is_forgotten() -> None:
    guard = RepetitionGuard()
    guard.feed("again and " * 70)
    guard.reset()
    assert guard.feed("again and " * 30) is None


words = st.text("abcdefgh ,.\n", min_size=6, max_size=120).filter(
    lambda text: len(set(text.split())) > 2
)


@given(st.text(max_size=300), words)
def test_whatever_is_repeated_for_long_is_found(before: str, unit: str) -> None:
    text = before + unit * (9000 // len(unit))
    found, seen = watch(text, size=13)
    assert found is not None
    assert seen.endswith(found.surplus)


@given(st.lists(st.text(max_size=20), max_size=40))
def test_short_text_raises_no_alarm(parts: list[str]) -> None:
    text = " ".join(parts)[:790]
    assert watch(text)[0] is None or text.isspace() or "\n" * 20 in text


@pytest.mark.parametrize(
    "text",
    ["[" + "null, " * 250, "false, " * 200, "    nop\n" * 180],
    ids=["nulls", "falses", "nops"],
)
def test_one_word_is_one_word_wherever_the_unit_begins(text: str) -> None:
    for size in (1, 3, 5, 7):
        assert watch(text, size=size)[0] is None


@pytest.mark.parametrize(
    "text",
    [
        "".join(
            f"- Day {day}: 30 minutes of walking, 10 push-ups, 10 squats\n" for day in range(1, 32)
        ),
        "".join(f"test_{number:03d} ... ok\n" for number in range(1, 100)),
        "".join(f"export VAR_{number}=value\n" for number in range(1, 90)),
        "".join(f"{year}: no data\n" for year in range(1900, 2020)),
    ],
    ids=["plan of a month", "tests", "variables", "years"],
)
def test_a_plan_of_a_month_and_a_hundred_short_lines_that_count_are_honest(text: str) -> None:
    assert watch(text)[0] is None


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"{number}. Use a good tool for the work.\n" for number in range(2, 300, 2)),
        "".join(f"{number}. Use a good tool for the work.\n" for number in range(300, 1, -1)),
        "".join(
            f"In {year}, the company was founded in the city.\n" for year in range(1900, 3000, 10)
        ),
        "😀" * 2000,
        "😀 😂 😀\n" * 300,
        "".join(f"Sentence {n * n * 7919 % 10007} says something of its own. " for n in range(70))
        * 6,
    ],
    ids=[
        "every second",
        "downwards",
        "decades",
        "emoji",
        "lines of emoji",
        "a unit of three thousand characters",
    ],
)
def test_what_counts_in_other_steps_what_is_drawn_and_long_units_are_found(text: str) -> None:
    assert watch(text)[0] is not None
