"""Splits a reply of a reasoning model into thinking and answer, while the reply arrives in pieces.

The pieces make no difference. A reply without the loaded model's own markup passes as it is:
`<think>` that an ordinary model writes is text. The tags are those of the chat templates that
models ship with; for gpt-oss' channels see `harmony`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from modechat.domain.text import ReplyTrimmer, overlap
from modechat.prompting.harmony import TOKENS, Channels, Found, Part


@dataclass(frozen=True)
class ReasoningTags:
    """The tags of a family of models around the thinking and, in some, around the answer."""

    open: str
    close: str
    answer_open: str = ""
    answer_close: str = ""


HARMONY = ReasoningTags("<|channel|>analysis<|message|>", "<|end|>")
"""gpt-oss. Its replies are messages in channels, not one pair of tags: see `harmony.Channels`."""

KNOWN_TAGS = (
    # Qwen3, DeepSeek-R1, QwQ, GLM, Nemotron, SmolLM3 and most others
    ReasoningTags("<think>", "</think>"),
    ReasoningTags("<thinking>", "</thinking>"),
    ReasoningTags("<thought>", "</thought>"),  # EXAONE Deep
    ReasoningTags("<Thought>", "</Thought>", "<Output>", "</Output>"),  # Marco-o1
    ReasoningTags("[THINK]", "[/THINK]"),  # Magistral, Ministral 3 Reasoning
    ReasoningTags("<seed:think>", "</seed:think>"),  # Seed-OSS
    ReasoningTags("<mm:think>", "</mm:think>"),  # MiniMax-M3
    ReasoningTags("<|channel>thought", "<channel|>"),  # Gemma 4; a newline follows the opening tag
    ReasoningTags("<|thought_start|>", "<|thought_end|>"),  # MiniCPM3
    # Command A, R7B
    ReasoningTags(
        "<|START_THINKING|>", "<|END_THINKING|>", "<|START_RESPONSE|>", "<|END_RESPONSE|>"
    ),
    # Cohere's later MoE
    ReasoningTags("<|START_THINKING|>", "<|END_THINKING|>", "<|START_TEXT|>", "<|END_TEXT|>"),
    ReasoningTags("<|START_THINKING|>", "<|END_THINKING|>"),
    ReasoningTags("◁think▷", "◁/think▷"),  # Kimi-VL
    ReasoningTags("<|think|>", "<|end|><|begin|>assistant", "<|content|>", "<|end|>"),  # Solar Open
    # Apriel 1.5
    ReasoningTags(
        "Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]", "", "[END FINAL RESPONSE]"
    ),
    HARMONY,
)

_TOKEN = re.compile(r"<[^<>]+>|\[[^][]+\]|◁[^◁▷]+▷")


def tags_of(template: str, tokens: Collection[str]) -> tuple[ReasoningTags, ...]:
    """Return the tags of a model with this chat template and these tokens."""
    return tuple([tags for tags in KNOWN_TAGS if _are_used(tags, template, tokens)])


def _are_used(tags: ReasoningTags, template: str, tokens: Collection[str]) -> bool:
    if tags == HARMONY:  # `<|end|>` alone would be Phi-3's, too
        marks = ("<|channel|>", "<|message|>")
        return all(mark in template for mark in marks) or all(mark in tokens for mark in marks)
    if tags.answer_open and tags.answer_open not in template and tags.answer_open not in tokens:
        return False
    return tags.open in template or tags.close in template or tags.close in tokens


def marker_texts(tags: Iterable[ReasoningTags]) -> frozenset[str]:
    """Return the texts of tokens that a `ReasoningSplitter` needs, control tokens or not."""
    found: set[str] = set()
    for tag in tags:
        if tag == HARMONY:
            found |= TOKENS
        else:
            markup = " ".join((tag.open, tag.close, tag.answer_open, tag.answer_close))
            found.update(_TOKEN.findall(markup))
    return frozenset(found)


def end_of_thinking(tags: Iterable[ReasoningTags], prompt_end: str) -> str:
    """Return the text that ends the thinking which a prompt begins; empty if it begins none."""
    ending = prompt_end.rstrip()
    for tag in tags:
        if tag == HARMONY and ending.endswith("<|message|>"):
            return ""
        if tag == HARMONY:
            return "<|channel|>final<|message|>"
        if ending.endswith(tag.open):
            return f"\n{tag.close}\n\n{tag.answer_open}"
    return ""


class Split(NamedTuple):
    """New text of each part of a reply."""

    thinking: str
    answer: str


class ReasoningSplitter:
    """Splits one reply.

    Tags count only at the very beginning of the reply, harmony's markup everywhere. A reply that
    ends before its closing tag is all thinking. Both parts come without tags, trimmed as by
    `ReplyTrimmer`.
    """

    def __init__(self, tags: Collection[ReasoningTags], prompt_end: str) -> None:
        """`prompt_end` is the rendered prompt, or at least its last line, which may open the
        thinking.
        """
        prompt_end = prompt_end.rstrip()
        self._parser: Channels | _Tagged
        if HARMONY in tags:
            self._parser = Channels(prompt_end)
        else:
            self._parser = _Tagged(tags, prompt_end)
        self._trimmers = {part: ReplyTrimmer() for part in Part}

    def feed(self, text: str) -> Split:
        """Return the text that is decided now."""
        return self._trimmed(self._parser.feed(text))

    def flush(self) -> Split:
        """Return the text held back, at the end of the reply."""
        return self._trimmed(self._parser.flush())

    def _trimmed(self, found: Iterable[Found]) -> Split:
        shown = dict.fromkeys(Part, "")
        for part, text in found:
            if part is not None:
                shown[part] += self._trimmers[part].feed(text)
        return Split(shown[Part.THINKING], shown[Part.ANSWER])


class _Stage(Enum):
    BEGINNING = auto()
    THINKING = auto()
    BETWEEN = auto()
    ANSWER = auto()


class _Tagged:
    """Splits a reply of at most one block of thinking, and the answer. Stages only go forward."""

    def __init__(self, tags: Collection[ReasoningTags], prompt_end: str) -> None:
        self._tags = tuple(tags)
        self._held = ""
        self._stage = _Stage.BEGINNING
        self._thinking: ReasoningTags | None = None
        self._answer_close = ""
        self._openings: set[str] = set()
        for tag in self._tags:
            if prompt_end.endswith(tag.open):
                self._thinking = tag
                self._openings = {tag.open}  # opened by the prompt, perhaps by the model, too
                return
        for tag in reversed(self._tags):
            self._openings |= {tag.open, tag.answer_open} - {""}
            if tag.answer_open and prompt_end.endswith(tag.answer_open):
                self._answer_close = tag.answer_close

    def feed(self, text: str) -> list[Found]:
        return self._advance(self._held + text, last=False)

    def flush(self) -> list[Found]:
        return self._advance(self._held, last=True)

    def _advance(self, text: str, *, last: bool) -> list[Found]:
        """Return the text that is decided, and hold back the rest. `last`: no more will come."""
        self._held = ""
        found: list[Found] = []
        rest: str | None = text
        if self._stage is _Stage.BEGINNING:
            rest = self._begin(text, last=last)
        if rest is not None and self._stage is _Stage.THINKING:
            thought, rest = self._think(rest, last=last)
            found.append((Part.THINKING, thought))
        if rest is not None and self._stage is _Stage.BETWEEN:
            rest = self._open_answer(rest, last=last)
        if rest is not None:
            found.append((Part.ANSWER, self._answer(rest, last=last)))
        return found

    # Each stage takes the remaining text and returns what follows the stage; None if that goes on.

    def _begin(self, text: str, *, last: bool) -> str | None:
        """Read the tag at the reply's beginning, if there is one."""
        opening = _leading(text.lstrip(), self._openings, last=last)
        if opening is None:
            self._held = text
            return None
        if self._thinking is None and opening:
            self._read_opening(opening)
        self._stage = _Stage.ANSWER if self._thinking is None else _Stage.THINKING
        return _behind(opening, text)

    def _read_opening(self, opening: str) -> None:
        """Note the tag that begins the reply: it opens the thinking or the answer."""
        for tag in self._tags:
            if tag.open == opening:
                self._thinking = tag
                return
        for tag in reversed(self._tags):
            if tag.answer_open == opening:
                self._answer_close = tag.answer_close

    def _think(self, text: str, *, last: bool) -> tuple[str, str | None]:
        """Return the thinking, and what follows its closing tag."""
        assert self._thinking is not None
        close = self._thinking.close
        thought, closed, rest = text.partition(close)
        if closed:
            self._stage = _Stage.BETWEEN
            return thought, rest
        thought, self._held = _split_before_end(text, 0 if last else overlap(text, close))
        return thought, None

    def _open_answer(self, text: str, *, last: bool) -> str | None:
        """Read the tag before the answer, if there is one."""
        assert self._thinking is not None
        closing: dict[str, str] = {}
        """The closing tags of answers, by their opening tags; some families have no such tags."""
        for tag in self._tags:
            if tag.close == self._thinking.close:
                closing[tag.answer_open] = tag.answer_close
        opening = _leading(text.lstrip(), closing.keys() - {""}, last=last)
        if opening is None:
            self._held = text
            return None
        self._answer_close = closing.get(opening, "")
        self._stage = _Stage.ANSWER
        return _behind(opening, text)

    def _answer(self, text: str, *, last: bool) -> str:
        """Return the answer so far without its closing tag, which counts at the very end only."""
        if not self._answer_close:
            return text
        trimmed = text.rstrip()
        length = 0
        if trimmed.endswith(self._answer_close):
            length = len(text) - len(trimmed) + len(self._answer_close)
        elif not last:
            length = overlap(text, self._answer_close)
        shown, self._held = _split_before_end(text, length)
        return shown


def _leading(text: str, markers: Iterable[str], *, last: bool) -> str | None:
    """Return the longest of `markers` that `text` begins with; empty if there is none.

    None while that is undecided.
    """
    if not last and not text:
        return None
    longest = ""
    for marker in markers:
        if not last and len(marker) > len(text) and marker.startswith(text):
            return None
        if text.startswith(marker) and len(marker) > len(longest):
            longest = marker
    return longest


def _behind(opening: str, text: str) -> str:
    """Return the text after the tag; without a tag, all of it: its white space may be an indent."""
    if not opening:
        return text
    return text.lstrip()[len(opening) :]


def _split_before_end(text: str, length: int) -> tuple[str, str]:
    """Return `text` before its last `length` characters, and those."""
    end = len(text) - length
    return text[:end], text[end:]
