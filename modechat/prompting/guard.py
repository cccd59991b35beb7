"""Keeps texts of users, files and system prompts from becoming control tokens.

Every text that the vocabulary would read as a control token is broken by a marker after its first
character, before the template renders. After rendering the prompt is split at the markers, and the
pieces are tokenised one by one: no piece holds a control text that the template did not write.
Messages without such texts are not changed, so their tokens are those that they would have had.

It is not enough to tokenise the text without special tokens: the vocabulary reads USER_DEFINED
tokens even then (measured: part c of the notes on formats).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from modechat.prompting.control_texts import MIN_LENGTH, ControlTexts

MARKER = "\ufdd0"
"""A Unicode noncharacter: it means nothing in any text, and templates leave it alone."""
_BEGIN, _END = "\ufdd1", "\ufdd2"
"""Noncharacters around a text of the conversation in the prompt."""
_MARKS = re.compile(f"[{MARKER}{_BEGIN}{_END}]")

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
"""The keys of a message whose values templates show as texts."""


def is_control_text(text: str, *, user_defined: bool, template: str) -> bool:
    """Return True if `text`, the text of a special token, must not come from users.

    USER_DEFINED tokens count only if the template writes them or they look like a marker:
    vocabularies keep HTML tags and runs of spaces there as well.
    """
    if len(text) < MIN_LENGTH or text.isspace():
        return False
    return not user_defined or text in template or _MARKER_LIKE.fullmatch(text) is not None


class Guard:
    """Breaks the control texts of one vocabulary in texts that the model did not write."""

    def __init__(self, control_texts: Collection[str]) -> None:
        self._controls = ControlTexts(control_texts)

    def may_join(self, text: str) -> bool:
        """Return True if `text` and its neighbours in a prompt could make a control text."""
        return self._controls.may_join(text)

    def found(self, text: str) -> tuple[str, ...]:
        """Return the control texts in `text`, in order, the longest at each place.

        They may overlap.
        """
        return tuple([found for _, found in self._controls.find(without_marker(text))])

    def neutralise(self, text: str, *, of_assistant: bool = False) -> str:
        """Return `text` with every control text broken.

        In the assistant's texts the tags of thinking and tools stay: templates split at them.
        """
        text = without_marker(text)
        cuts: list[int] = []
        for start, found in self._controls.find(text):
            if not (of_assistant and _TAG_OF_ASSISTANT.search(found)):
                cuts.append(start + 1)
        return _cut(text, cuts)

    def append(self, rendered: str, text: str, *, of_assistant: bool = False) -> str:
        """Return `rendered` and `text` joined, with control texts in `text` and across the border
        broken.
        """
        after = self.neutralise(text, of_assistant=of_assistant)
        longest = self._controls.longest
        before = rendered[-longest:]
        border = len(before)
        for at, found in self._controls.find(before + after[:longest]):
            if at < border < at + len(found):
                return rendered + MARKER + after
        return rendered + after

    def break_borders(self, rendered: str, with_edges: str) -> str:
        """Return `rendered` with those control texts broken, too, that span the border of a text.

        `with_edges` is the same prompt, made of texts that `mark_edges` has marked.
        """
        plain, cuts, borders = _read_marks(with_edges)
        if plain != without_marker(rendered):
            return rendered  # the template reacts to the marks, so the places of texts are unknown
        joins: set[int] = set()
        for at, control in self._controls.find(plain):
            for border in borders:
                if at < border < at + len(control):
                    joins.add(border)
        if not joins:
            return rendered
        return _cut(plain, sorted(cuts | joins))

    def neutralise_message(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Return `message` with its texts neutralised.

        Contents may be strings or lists of `{"type", "text"}`.
        """
        of_assistant = message.get("role") == "assistant"
        neutralised = dict(message)
        for key in _TEXTS:
            if key in neutralised:
                neutralised[key] = self._neutralise_value(neutralised[key], of_assistant)
        return neutralised

    def _neutralise_value(self, value: Any, of_assistant: bool) -> Any:
        if isinstance(value, str):
            return self.neutralise(value, of_assistant=of_assistant)
        if isinstance(value, Sequence):
            return [self._neutralise_value(item, of_assistant) for item in value]
        if isinstance(value, Mapping):
            neutralised = dict(value)
            for key in neutralised.keys() - {"type"}:
                neutralised[key] = self._neutralise_value(neutralised[key], of_assistant)
            return neutralised
        return value


def _cut(text: str, cuts: Sequence[int]) -> str:
    """Return `text` with a marker at each of these places."""
    if not cuts:
        return text
    places = itertools.pairwise([0, *cuts, len(text)])
    return MARKER.join([text[start:end] for start, end in places])


def mark_edges(value: Any) -> Any:
    """Return texts with marks at their edges, inside their outer white space.

    Templates trim that white space. The value may be a list or dict of texts; keys that templates
    do not show stay unmarked.
    """
    if isinstance(value, str):
        core = value.strip()
        if not core:
            return value
        start = value.find(core)
        return f"{value[:start]}{_BEGIN}{core}{_END}{value[start + len(core) :]}"
    if isinstance(value, Mapping):
        marked = dict(value)
        for key in _TEXTS:
            if key in marked:
                marked[key] = mark_edges(marked[key])
        return marked
    return [mark_edges(item) for item in value]


def _read_marks(text: str) -> tuple[str, set[int], set[int]]:
    """Return `text` without its marks, the places of its breaks, and the edges of its texts."""
    plain: list[str] = []
    cuts: set[int] = set()
    borders: set[int] = set()
    length = begin = 0
    for part in re.split(f"({_MARKS.pattern})", text):
        if part == MARKER:
            cuts.add(length)
        elif part == _BEGIN:
            begin = length
        elif part == _END:
            borders |= {begin, length}
        else:
            plain.append(part)
            length += len(part)
    return "".join(plain), cuts, borders


def without_marker(text: str) -> str:
    """Return `text` without the characters that the guard uses itself."""
    return text if text.isascii() else _MARKS.sub("", text)


def pieces(rendered: str) -> tuple[str, ...]:
    """Return the parts of a rendered prompt that are tokenised one by one.

    The parts joined are the prompt.
    """
    return tuple(filter(None, rendered.split(MARKER)))
