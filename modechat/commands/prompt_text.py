"""A prompt as text for people: what it is, what the model reads, its tokens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modechat.domain.mode import Mode
    from modechat.engine.prompt_view import PromptView


_ROLES = ("system", "developer", "user", "assistant", "model")


def heading(view: PromptView, mode: Mode) -> list[str]:
    """What the prompt is, in lines."""
    lines = [
        f"mode    {mode}",
        f"format  {view.format} ({view.format_source})",
        f"fallback    {view.fallback}",
        f"tokens  {len(view.tokens)}: "
        + ", ".join(f"{name} {count}" for name, count in total_by_part(view)),
    ]
    if view.neutralised:
        lines.append(f"neutralised {' '.join(view.neutralised)} (sent as plain text)")
    if view.stop:
        lines.append(
            "stops   " + " ".join(json.dumps(stop, ensure_ascii=False) for stop in view.stop)
        )
    return lines


def as_text(view: PromptView, mode: Mode) -> str:
    """The heading, the prompt's text, and its tokens one a line."""
    tokens = "\n".join(
        f"{token.id:>7}  {'control' if token.control else '       '}  {json.dumps(token.text, ensure_ascii=False)}"
        for token in view.tokens
    )
    return "\n".join([*heading(view, mode), "", view.text, "", tokens, ""])


def own_system(view: PromptView) -> str:
    """What a template says of its own in front of the first message, without the names of roles; empty: nothing."""
    texts = [""]
    before_message = next((count for name, count in view.parts if name == "template"), 0)
    for token in view.tokens[:before_message]:
        if token.control:
            texts.append("")
        else:
            texts[-1] += token.text
    said = (text.strip() for text in texts[:-1])  # the last one leads to the message
    parts = (_without_role(text) for text in said)
    return "\n".join(part for part in parts if part)


def _without_role(text: str) -> str:
    first, _, rest = text.partition("\n")
    if first.strip().casefold() not in _ROLES:
        return text
    return rest.strip()


def total_by_part(view: PromptView) -> tuple[tuple[str, int], ...]:
    """Tokens of each kind of part, in the order of their first appearance."""
    totals: dict[str, int] = {}
    for name, count in view.parts:
        totals[name] = totals.get(name, 0) + count
    return tuple(totals.items())
