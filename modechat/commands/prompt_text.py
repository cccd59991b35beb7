"""Writes a prompt as text for people: its format and figures, the model's text, its tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modechat.domain.text import quoted

if TYPE_CHECKING:
    from modechat.domain.mode import Mode
    from modechat.engine.prompt_view import PromptView


_ROLES = ("system", "developer", "user", "assistant", "model")


def heading(view: PromptView, mode: Mode) -> list[str]:
    """Return lines with the prompt's mode, format and figures."""
    counts = ", ".join(f"{name} {count}" for name, count in total_by_part(view))
    lines = [
        f"mode    {mode}",
        f"format  {view.format} ({view.format_source})",
        f"fallback    {view.fallback}",
        f"tokens  {len(view.tokens)}: {counts}",
    ]
    if view.neutralised:
        lines.append(f"neutralised {' '.join(view.neutralised)} (sent as plain text)")
    if view.stop:
        lines.append(f"stops   {' '.join(map(quoted, view.stop))}")
    return lines


def as_text(view: PromptView, mode: Mode) -> str:
    """Return the heading, the prompt's text, and its tokens, one on each line."""
    lines = [*heading(view, mode), "", view.text, ""]
    for token in view.tokens:
        kind = "control" if token.control else ""
        lines.append(f"{token.id:>7}  {kind:7}  {quoted(token.text)}")
    if not view.tokens:
        lines.append("")
    return "\n".join([*lines, ""])


def own_system(view: PromptView) -> str:
    """Return the template's own text before the first message, or "" if it has none.

    Names of roles are left out.
    """
    texts = [""]
    for token in view.tokens[: _first_count(view, "template")]:
        if token.control:
            texts.append("")
        else:
            texts[-1] += token.text
    own = map(_without_role, map(str.strip, texts[:-1]))  # the last one leads to the message
    return "\n".join(filter(None, own))


def _first_count(view: PromptView, part: str) -> int:
    """Return the number of tokens in the first part with this name."""
    for name, count in view.parts:
        if name == part:
            return count
    return 0


def _without_role(text: str) -> str:
    first, _, rest = text.partition("\n")
    if first.strip().casefold() not in _ROLES:
        return text
    return rest.strip()


def total_by_part(view: PromptView) -> tuple[tuple[str, int], ...]:
    """Count the tokens of each kind of part, in the order of first appearance."""
    totals: dict[str, int] = {}
    for name, count in view.parts:
        totals[name] = totals.get(name, 0) + count
    return tuple(totals.items())
