"""The guard: text of users, files and system prompts can never become control tokens.

Every text that the vocabulary would read as a control token is broken by a marker after its first character, before
the template renders. After rendering the prompt is split at the markers, and the pieces are tokenised one by one: no
piece holds a control text that the template did not write. Messages without such texts are not touched, so their
tokens are those that they would have had.

The vocabulary reads USER_DEFINED tokens even where it was told to read no special ones; that is why the text is
broken, not merely tokenised differently (measured: part c of the notes on formats).
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

MARKER = "\ufdd0"
"""A Unicode noncharacter: it means nothing in any text, and templates leave it alone."""
_BEGIN, _END = (
    "\ufdd1",
    "\ufdd2",
)  # of the same kind: where a text of the conversation stands in the prompt
_MARKS = re.compile(f"[{MARKER}{_BEGIN}{_END}]")

_REMEMBERED = 512  # texts
_SHORTEST = 2  # a single character cannot be broken
_TAG_OF_ASSISTANT = re.compile(r"think|thought|reason|tool_?(?:call|resp|out)", re.IGNORECASE)
_MARKER_LIKE = re.compile(r"<\|.*\|>|<\|.*>|<.*\|>", re.DOTALL)
_TEXTS = (
    "content",
    "reasoning_content",
    "thinking",
    "instruction",
    "input",
    "response",
    "system",
    "examples",
)


def is_control_text(text: str, *, user_defined: bool, template: str) -> bool:
    """Whether users must not write `text`, that of a special token.

    Of the USER_DEFINED tokens only those that the template writes, or that look like a marker: vocabularies keep HTML
    tags and runs of spaces there as well.
    """
    if len(text) < _SHORTEST or text.isspace():
        return False
    return not user_defined or text in template or _MARKER_LIKE.fullmatch(text) is not None


class Guard:
    """Breaks the control texts of one vocabulary. `neutralised` collects what was broken."""

    def __init__(self, control_texts: Collection[str]) -> None:
        self._texts = frozenset(text for text in control_texts if len(text) >= _SHORTEST)
        # Vocabularies have thousands of control texts, but of few lengths.
        lengths: dict[str, set[int]] = {}
        for text in self._texts:
            lengths.setdefault(text[:_SHORTEST], set()).add(len(text))
        self._lengths = {begin: sorted(found, reverse=True) for begin, found in lengths.items()}
        self._begin = re.compile(_any_begin(self._lengths)) if self._lengths else None
        self._longest = max(map(len, self._texts), default=0)
        self._sorted = sorted(self._texts)
        self._sorted_backwards = sorted(text[::-1] for text in self._texts)
        self._firsts = frozenset(text[0] for text in self._texts)
        self._lasts = frozenset(text[-1] for text in self._texts)
        self._end = (
            re.compile(_any_end({text[-_SHORTEST:] for text in self._texts}))
            if self._texts
            else None
        )
        # The texts of a chat come again with every turn.
        self._find = lru_cache(maxsize=_REMEMBERED)(self._search)
        self.may_join = lru_cache(maxsize=_REMEMBERED)(self._could_join)
        """Whether a text could be a part of a control text, with what stands around it in a prompt."""

    def found(self, text: str) -> tuple[str, ...]:
        """The control texts in `text`, in order, overlapping ones too, each where it begins (the longest)."""
        return tuple(found for _, found in self._find(without_marker(text)))

    def neutralise(self, text: str, *, of_assistant: bool = False) -> str:
        """`text` with every control text broken. In the assistant's, tags of thinking and tools stay: templates split
        on them.
        """
        text = without_marker(text)
        found_here = self._find(text)
        if not found_here:
            return text
        cuts = [
            start + 1
            for start, found in found_here
            if not (of_assistant and _TAG_OF_ASSISTANT.search(found))
        ]
        if not cuts:
            return text
        return MARKER.join(
            text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)
        )

    def append(self, rendered: str, text: str, *, of_assistant: bool = False) -> str:
        """`rendered` with `text` behind it, neutralised, also where a control text would span the border."""
        after = self.neutralise(text, of_assistant=of_assistant)
        before = rendered[-self._longest :]
        border = len(before)
        spans = any(
            at < border < at + len(found)
            for at, found in self._find(before + after[: self._longest])
        )
        return rendered + (MARKER if spans else "") + after

    def _could_join(self, text: str) -> bool:
        core = text.strip()
        if not core or self._begin is None or self._end is None:
            return False
        if core[-1] in self._firsts or core[0] in self._lasts:
            return True
        if self._begin.search(core, max(0, len(core) - self._longest)):
            tail = core[-self._longest :]
            if any(
                _begins_one(self._sorted, tail[found.start() :])
                for found in self._begin.finditer(tail)
            ):
                return True
        if self._end.search(core, 0, self._longest):
            head = core[: self._longest][::-1]
            if any(_begins_one(self._sorted_backwards, head[at:]) for at in range(len(head))):
                return True
        return len(core) < self._longest and any(core in control for control in self._texts)

    def break_borders(self, rendered: str, with_edges: str) -> str:
        """`rendered` with breaks also where a control text spans the border of a text of the conversation.

        `with_edges` is the same prompt of texts that `mark_edges` has marked.
        """
        plain, cuts, spans = _read_marks(with_edges)
        if plain != without_marker(rendered):
            return rendered  # the template minds the marks: where texts stand cannot be told
        borders = sorted({border for span in spans for border in span})
        found = [(at, at + len(control)) for at, control in self._find(plain)]
        joins = {border for at, end in found for border in borders if at < border < end}
        if not joins:
            return rendered
        places = [0, *sorted(cuts | joins), len(plain)]
        return MARKER.join(plain[start:end] for start, end in itertools.pairwise(places))

    def neutralise_message(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """`message` with its texts neutralised; contents may be strings or lists of `{"type", "text"}`."""
        of_assistant = message.get("role") == "assistant"
        return {
            key: self._neutralise_value(value, of_assistant) if key in _TEXTS else value
            for key, value in message.items()
        }

    def _neutralise_value(self, value: Any, of_assistant: bool) -> Any:
        if isinstance(value, str):
            return self.neutralise(value, of_assistant=of_assistant)
        if isinstance(value, Sequence):
            return [self._neutralise_value(item, of_assistant) for item in value]
        if isinstance(value, Mapping):
            return {
                key: item if key == "type" else self._neutralise_value(item, of_assistant)
                for key, item in value.items()
            }
        return value

    def _search(self, text: str) -> tuple[tuple[int, str], ...]:
        """Where control texts begin in `text`, each with the longest one."""
        if self._begin is None:
            return ()
        found = []
        for match in self._begin.finditer(text):
            at = match.start()
            for length in self._lengths[text[at : at + _SHORTEST]]:
                if (control := text[at : at + length]) in self._texts:
                    found.append((at, control))
                    break
        return tuple(found)


def _any_begin(begins: Iterable[str]) -> str:
    """A pattern for the first character of any of these pairs, where the second follows: code is full of the first."""
    seconds: dict[str, str] = {}
    for begin in sorted(begins):
        seconds[begin[0]] = seconds.get(begin[0], "") + begin[1]
    return "|".join(
        f"{re.escape(first)}(?=[{re.escape(after)}])" for first, after in seconds.items()
    )


def _any_end(ends: Iterable[str]) -> str:
    """A pattern for the last character of any of these pairs, where it follows the first."""
    firsts: dict[str, str] = {}
    for end in sorted(ends):
        firsts[end[1]] = firsts.get(end[1], "") + end[0]
    return "|".join(
        f"{re.escape(last)}(?<=[{re.escape(before)}].)" for last, before in firsts.items()
    )


def _begins_one(texts: Sequence[str], beginning: str) -> bool:
    """Whether one of the sorted `texts` has this beginning."""
    at = bisect_left(texts, beginning)
    return at < len(texts) and texts[at].startswith(beginning)


def mark_edges(value: Any) -> Any:
    """Texts with marks at their edges, inside of their outer white space: templates trim it. Lists and dicts of texts
    too, as far as templates show them."""
    if isinstance(value, str):
        core = value.strip()
        start = value.find(core)
        return f"{value[:start]}{_BEGIN}{core}{_END}{value[start + len(core) :]}" if core else value
    if isinstance(value, Mapping):
        return {key: mark_edges(item) if key in _TEXTS else item for key, item in value.items()}
    return [mark_edges(item) for item in value]


def _read_marks(text: str) -> tuple[str, set[int], list[tuple[int, int]]]:
    """`text` without its marks, the places of its breaks, and the spans between edges."""
    plain, length = [], 0
    cuts: set[int] = set()
    spans: list[tuple[int, int]] = []
    begin = 0
    for part in re.split(f"({_MARKS.pattern})", text):
        if part == MARKER:
            cuts.add(length)
        elif part == _BEGIN:
            begin = length
        elif part == _END:
            spans.append((begin, length))
        else:
            plain.append(part)
            length += len(part)
    return "".join(plain), cuts, spans


def without_marker(text: str) -> str:
    """`text` without the characters that the guard uses itself."""
    return text if text.isascii() else _MARKS.sub("", text)


def pieces(rendered: str) -> tuple[str, ...]:
    """The parts of a rendered prompt that are tokenised one by one; joined they are the prompt."""
    return tuple(piece for piece in rendered.split(MARKER) if piece)
