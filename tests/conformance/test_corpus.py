"""The prompt formatter against independent implementations: a corpus of real chat templates with
expected results.

The corpus lies outside of the project: in the folder that MODECHAT_CONFORMANCE names, or beside the
checkout in `shared/conformance`. MODECHAT_VOCABS may name a folder with llama.cpp's
`ggml-vocab-*.gguf`.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conformance import adapters
from tests.conformance.corpus import CORPUS, vocabularies
from tests.engine.vocabularies import load_vocabulary

pytestmark = [
    pytest.mark.skipif(
        not (CORPUS / "check.py").is_file(),
        reason=f"there is no conformance corpus in {CORPUS} (MODECHAT_CONFORMANCE)",
    ),
    # Templates have such strings; Jinja reads them by Python's rules.
    pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning"),
]

Record = dict[str, Any]


@dataclass
class Tally:
    """How many records of a file are right, and what is wrong with the others."""

    right: int = 0
    skipped: int = 0
    wrong: list[str] = field(default_factory=list)


@cache
def checker() -> ModuleType:
    spec = spec_from_file_location("conformance_check", CORPUS / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    for path in (CORPUS / "templates").glob("*.jinja"):  # it would leave the files open
        module._tc[f"templates/{path.name}"] = path.read_bytes().decode()
    return module


def records(pattern: str) -> Iterator[Record]:
    for path in sorted(CORPUS.glob(pattern)):
        with path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def check(pattern: str, function: Callable[..., Any], vocabs: str | None = None) -> Tally:
    """The records of the files, each given to the corpus' own test."""
    _, test = checker().FILES[pattern]
    tally = Tally()
    for record in records(pattern):
        if record.get("disputed"):
            tally.skipped += 1
            continue
        is_right, why = test(function, record, Namespace(vocabs=vocabs))
        if is_right is None:
            tally.skipped += 1
        elif is_right:
            tally.right += 1
        else:
            tally.wrong.append(f"{record['id']}: {why}")
    return tally


@pytest.mark.parametrize(
    ("pattern", "least"),
    [("hf_*.jsonl", 2255), ("hfjs_expected.jsonl", 34), ("hfjs_expected_tools.jsonl", 17)],
)
def test_every_template_renders_byte_for_byte_as_the_reference_renders_it(
    pattern: str, least: int
) -> None:
    tally = check(pattern, adapters.render)
    assert tally.wrong == []
    assert tally.right >= least


def test_every_awkward_conversation_gets_a_prompt_that_loses_nothing() -> None:
    tally = check("robust.jsonl", adapters.chat)
    assert tally.wrong == []
    assert tally.right >= 345


def test_control_strings_in_texts_of_users_never_reach_a_piece() -> None:
    tally = check("injection_text.jsonl", adapters.segments)
    assert tally.wrong == []
    assert tally.right >= 591


def test_single_shot_tasks_are_byte_for_byte_as_published() -> None:
    tally = check("instruct.jsonl", adapters.instruct)
    assert tally.wrong == []
    assert tally.right == len(list(records("instruct.jsonl"))) > 0


@pytest.mark.parametrize(("group", "least"), [("tokens_plain", 77), ("tokens_injection", 55)])
def test_token_ids_are_those_of_llama_cpp_and_no_user_forges_one(group: str, least: int) -> None:
    folder = vocabularies()
    if folder is None:
        pytest.skip(
            "llama.cpp's ggml-vocab-*.gguf are not there: set MODECHAT_VOCABS to their folder"
        )
    tally = check(f"{group}.jsonl", adapters.encode, folder)
    assert tally.wrong == []
    assert tally.right >= least


# The corpus' own small vocabularies. Its records of tokens need llama.cpp's.

SYNTHETIC = {
    "synth-llama3.gguf": None,
    "synth-qwen3.gguf": None,
    "synth-harmony.gguf": None,
    "synth-alpaca-notemplate.gguf": "alpaca",
    "synth-t5.gguf": "t5",
}
"""And the named format of those without a template of their own."""


@pytest.mark.parametrize("file", SYNTHETIC)
def test_no_text_forges_a_special_token_of_the_corpus_own_vocabularies(file: str) -> None:
    path = str(CORPUS / "vocabs" / file)
    vocabulary, template = load_vocabulary(Path(path))
    name = SYNTHETIC[file]
    template = adapters.named_formats()[name].chat_template if name else template
    assert template
    special = vocabulary.special_tokens
    hostile = "Ignore. " + " ".join(token.text for token in special if not token.text.isspace())
    ids = {token.id for token in special if not (file == "synth-t5.gguf" and token.text == "<unk>")}

    def special_ids(text: str) -> list[int]:
        messages = [
            {"role": "system", "content": text},
            {"role": "user", "content": text},
            {
                "role": "assistant",
                "content": "Yes.",
            },  # in replies the guard leaves tags of thinking
            {"role": "user", "content": text},
        ]
        tokens = adapters.encode(path, template, messages, "", "", True, now="2026-01-15T12:34:56")
        return [token for token in tokens if token in ids]

    assert special_ids(hostile) == special_ids("X")


# Families without a template. Where references write one family in several ways, the format follows
# one of them.


@dataclass(frozen=True)
class Choice:
    """Why a format writes something else than a reference."""

    reference: str
    """`source/family` in the ids of the corpus, or a whole id."""
    reason: str


CHOICES = (
    Choice(
        "ollama/alpaca/user", "leaves out Stanford's preamble, which the models were trained with"
    ),
    Choice(
        "ollama/alpaca/user-assistant-user",
        "leaves out Stanford's preamble, which the models were trained with",
    ),
    Choice(
        "fastchat/alpaca",
        "`### Instruction: text` on one line: Stanford and the others break the line",
    ),
    Choice(
        "ollama/vicuna",
        "newlines between turns; FastChat trained Vicuna with spaces, and WizardLM's script too",
    ),
    Choice(
        "ollama/llama2-chat",
        "writes empty system blocks and no space before </s>; FastChat is Meta's own text",
    ),
    Choice(
        "ollama/mistral-instruct",
        "no space before [/INST]: the later models' form; the format is 0.1's and 0.2's",
    ),
    Choice(
        "ollama/falcon-instruct",
        "`Falcon:` for the assistant: Falcon chat's, not Falcon instruct's",
    ),
    Choice(
        "fastchat/zephyr/user",
        "an empty system block where there is no system text; Ollama and Zephyr have none",
    ),
    Choice(
        "fastchat/zephyr/multi",
        "an empty system block where there is no system text; Ollama and Zephyr have none",
    ),
    Choice("fastchat/gemma/sys-multi", "loses the system text"),
    Choice(
        "fastchat/orca-2/user",
        "a system text of Orca's own; the format is ChatML's, for many models",
    ),
    Choice(
        "fastchat/orca-2/multi",
        "a system text of Orca's own; the format is ChatML's, for many models",
    ),
)
OTHER_REFERENCE = {"alpaca": "tgw-legacy/Alpaca/"}
"""Formats whose reference for conversations is a template of the corpus: text-generation-webui's,
with Stanford's preamble where the user sets no system text.
"""


def choice_for(identifier: str) -> Choice | None:
    return next((c for c in CHOICES if f"{identifier}/".startswith(f"{c.reference}/")), None)


def family_records() -> list[Record]:
    return [record for record in records("family.jsonl") if record["family"] in adapters.FAMILIES]


def is_matched(record: Record) -> bool:
    got = adapters.family(record["family"], record["messages"], record["add_generation_prompt"])
    return bool(got == record["expected"])


def test_every_named_format_is_byte_for_byte_as_its_references_write_it_but_for_the_listed_choices() -> (
    None
):
    found = family_records()
    wrong = [
        record["id"]
        for record in found
        if not is_matched(record) and choice_for(record["id"]) is None
    ]
    assert wrong == []
    assert sum(map(is_matched, found)) >= 43


def test_every_listed_choice_is_still_one() -> None:
    ids = {record["id"]: is_matched(record) for record in family_records()}
    for choice in CHOICES:
        chosen = [identifier for identifier in ids if choice_for(identifier) is choice]
        assert chosen, choice
        assert not any(ids[identifier] for identifier in chosen), choice


def test_where_references_of_a_format_disagree_one_of_them_is_matched() -> None:
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in family_records():
        groups[adapters.FAMILIES[record["family"]], json.dumps(record["messages"])].append(record)
    unmatched = [
        (name, records[0]["id"])
        for (name, _), records in groups.items()
        if not any(map(is_matched, records))
    ]
    assert [entry for entry in unmatched if entry[0] not in OTHER_REFERENCE] == []
    assert len(groups) >= 36


@pytest.mark.parametrize(("name", "prefix"), OTHER_REFERENCE.items())
def test_a_format_without_an_agreeing_reference_is_that_of_a_real_template(
    name: str, prefix: str
) -> None:
    found = [record for record in records("hf_tgw_legacy.jsonl") if record["id"].startswith(prefix)]
    for record in found:
        got = adapters.family(name, record["messages"], record["add_generation_prompt"])
        assert got == record["expected"], record["id"]
    assert len(found) >= 10


def test_every_format_with_a_reference_in_the_corpus_is_compared() -> None:
    chat_formats = {adapters.FAMILIES[record["family"]] for record in family_records()}
    task_formats = {adapters.FAMILIES[record["family"]] for record in records("instruct.jsonl")}
    assert chat_formats | task_formats == set(adapters.FAMILIES.values())
