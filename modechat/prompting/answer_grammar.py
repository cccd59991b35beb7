"""Makes the grammar of a whole reply: the answer obeys a grammar, the thinking before it is
free.
"""

from __future__ import annotations

from collections.abc import Collection

from modechat.prompting import gbnf
from modechat.prompting.reasoning import HARMONY, ReasoningTags

REPLY_ROOT = "modechat-reply"
"""The rule that a reply begins with. The answer begins with `root`."""
_SPACE = r"[ \t\n\r]{0,8}"
_THOUGHT = "modechat-thought"
_MESSAGE = "modechat-message"


def reply_grammar(
    answer: str, tags: Collection[ReasoningTags], prompt_end: str, *, may_think: bool
) -> str:
    """Return the grammar of a reply to a prompt that ends with `prompt_end`.

    `answer` is the grammar of the answer, `tags` are the tags that the model thinks between. If the
    prompt has begun a thought, the reply ends it. Otherwise the reply may begin with one if
    `may_think`.
    """
    prompt_end = prompt_end.rstrip()
    opened = [tag for tag in tags if prompt_end.endswith(tag.open)]
    if HARMONY in tags:
        rules = _harmony_rules(prompt_end)
    elif opened:
        rules = _rules_in_thought(opened[0])
    elif tags and may_think:
        rules = _rules_before_thought(tags)
    else:
        rules = {REPLY_ROOT: "root"}
    lines = [f"{name} ::= {rule}" for name, rule in rules.items()]
    return "\n".join((answer, *lines, ""))


def _rules_in_thought(tag: ReasoningTags) -> dict[str, str]:
    rules = gbnf.text_until(tag.close, _THOUGHT)
    return rules | {REPLY_ROOT: gbnf.sequence(_THOUGHT, _SPACE, _wrapper(tag), "root")}


def _rules_before_thought(tags: Collection[ReasoningTags]) -> dict[str, str]:
    rules: dict[str, str] = {}
    thoughts = []
    for n, tag in enumerate(tags):
        rest = f"{_THOUGHT}-{n}"
        rules |= gbnf.text_until(tag.close, rest)
        parts = (_SPACE, gbnf.literal(tag.open), rest, _SPACE, _wrapper(tag))
        thoughts.append(gbnf.sequence(*parts))
    return rules | {REPLY_ROOT: f"( {' | '.join(thoughts)} )? root"}


def _wrapper(tag: ReasoningTags) -> str:
    """Return the expression for the tag that may stand before the answer; empty if there is
    none.
    """
    if not tag.answer_open:
        return ""
    return f"( {gbnf.literal(tag.answer_open)} {_SPACE} )?"


def _harmony_rules(prompt_end: str) -> dict[str, str]:
    message = gbnf.literal("<|message|>")
    other = f'"<|channel|>" ( "analysis" | "commentary" ) {message} {_MESSAGE} "<|start|>assistant"'
    final = f'"<|channel|>final" ( " "? "<|constrain|>" [a-z]{{1,16}} )? {message}'
    if prompt_end.endswith("<|channel|>final<|message|>"):
        start = "root"
    elif prompt_end.endswith("<|message|>"):
        start = f'{_MESSAGE} "<|start|>assistant" ( {other} )* {final} root'
    else:
        start = f"( {other} )* {final} root"
    return {REPLY_ROOT: start} | gbnf.text_until("<|end|>", _MESSAGE)
