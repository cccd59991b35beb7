"""Makes the view of a prompt: the texts of its tokens, and the number of tokens in each part."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from modechat.engine.prompt_view import PromptView, TokenView
from modechat.engine.worker.tokens import Vocabulary
from modechat.prompting.prompt import Part, Prompt


def view_of(
    prompt: Prompt, tokens: Sequence[int], vocabulary: Vocabulary, control: Collection[int]
) -> PromptView:
    """Return the view of a prompt. `control` are the ids of control tokens."""
    # A long text has few different tokens.
    pieces = {token: vocabulary.piece(token, special=True) for token in set(tokens)}
    views = {}
    for token, piece in pieces.items():
        text = piece.decode(errors="replace")
        views[token] = TokenView(id=token, text=text, control=token in control)
    return PromptView(
        text=prompt.text,
        tokens=tuple(views[token] for token in tokens),
        parts=count_by_part([pieces[token] for token in tokens], prompt.text, prompt.parts),
        format=prompt.format.name,
        format_source=prompt.format.source,
        fallback=prompt.fallback,
        neutralised=(*prompt.neutralised_before, *prompt.neutralised),
        stop=prompt.stop,
    )


def count_by_part(
    pieces: Sequence[bytes], text: str, parts: Sequence[Part]
) -> tuple[tuple[str, int], ...]:
    """Return how many tokens each part of a prompt has, in order; the template is between the
    parts.

    `pieces` are the bytes of the tokens. A token belongs to the part that it begins in.
    """
    data = text.encode(errors="replace")
    borders = []
    for part in parts:
        start = len(text[: part.start].encode(errors="replace"))
        end = len(text[: part.end].encode(errors="replace"))
        borders.append((start, end, part.name))
    counts: list[tuple[str, int]] = []
    position = 0
    for piece in pieces:
        start, position = _advance(data, position, piece)
        name = _part_at(start, borders) if position > start else "template"
        if counts and counts[-1][0] == name:
            counts[-1] = (name, counts[-1][1] + 1)
        else:
            counts.append((name, 1))
    return tuple(counts)


def _part_at(position: int, borders: Sequence[tuple[int, int, str]]) -> str:
    for start, end, name in borders:
        if start <= position < end:
            return name
    return "template"


def _advance(data: bytes, position: int, piece: bytes) -> tuple[int, int]:
    """Find `piece` in `data` from `position` on; return its start and its end.

    Tokenisers insert spaces and swallow white space. A piece that is not in the text (BOS) gets the
    place of the next one.
    """
    for candidate in (piece, piece.lstrip(b" ")):
        if not candidate:
            continue
        start = position
        while not data.startswith(candidate, start) and data[start : start + 1].isspace():
            start += 1
        if data.startswith(candidate, start):
            return start, start + len(candidate)
    return position, position
