"""The grammar of a whole reply whose answer obeys a grammar: what a reasoning model thinks before it stays free."""

from __future__ import annotations

from collections.abc import Collection

from modechat.prompting import gbnf
from modechat.prompting.reasoning import HARMONY, ReasoningTags

REPLY_ROOT = "modechat-reply"
"""The rule that a reply begins with; the answer's own is `root`."""
_SPACE = r"[ \t\n\r]{0,8}"


def reply_grammar(
    answer: str, tags: Collection[ReasoningTags], prompt_end: str, *, may_think: bool = True
) -> str:
    """The grammar of a reply to a prompt that ends with `prompt_end`, by a model that thinks between `tags`.

    Thinking that the prompt has begun, the reply ends. Otherwise it may begin with some, if `may_think`.
    """
    prompt_end = prompt_end.rstrip()
    rules = (
        _harmony_rules(prompt_end)
        if HARMONY in tags
        else _tagged_rules(tags, prompt_end, may_think=may_think)
    )
    return "\n".join((answer, *(f"{name} ::= {rule}" for name, rule in rules.items()), ""))


def _tagged_rules(
    tags: Collection[ReasoningTags], prompt_end: str, *, may_think: bool
) -> dict[str, str]:
    rules: dict[str, str] = {}
    thoughts = []
    opened = next((tag for tag in tags if prompt_end.endswith(tag.open)), None)
    for n, tag in enumerate((opened,) if opened else tags if may_think else ()):
        rules |= gbnf.text_until(tag.close, f"modechat-thought-{n}")
        opening = "" if opened else f"{_SPACE} {gbnf.literal(tag.open)}"
        wrapper = f"( {gbnf.literal(tag.answer_open)} {_SPACE} )?" if tag.answer_open else ""
        thoughts.append(gbnf.sequence(opening, f"modechat-thought-{n}", _SPACE, wrapper))
    thinking = thoughts[0] if opened else f"( {' | '.join(thoughts)} )?" if thoughts else ""
    return {REPLY_ROOT: gbnf.sequence(thinking, "root")} | rules


def _harmony_rules(prompt_end: str) -> dict[str, str]:
    message = gbnf.literal("<|message|>")
    other = f'"<|channel|>" ( "analysis" | "commentary" ) {message} modechat-message "<|start|>assistant"'
    final = f'"<|channel|>final" ( " "? "<|constrain|>" [a-z]{{1,16}} )? {message}'
    if prompt_end.endswith("<|channel|>final<|message|>"):
        start = "root"
    elif prompt_end.endswith("<|message|>"):
        start = f'modechat-message "<|start|>assistant" ( {other} )* {final} root'
    else:
        start = f"( {other} )* {final} root"
    return {REPLY_ROOT: start} | gbnf.text_until("<|end|>", "modechat-message")
