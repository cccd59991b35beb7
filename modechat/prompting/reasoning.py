"""Parts a reply of a reasoning model into what it thought and what it answers, while the reply arrives in pieces.

The pieces make no difference, and a reply without the loaded model's own markup passes as it is: `<think>` that an
ordinary model writes is text. The tags are those of the chat templates that models ship with; gpt-oss' channels are
OpenAI's harmony format (https://cookbook.openai.com/articles/openai-harmony), with the irregularities that llama.cpp's
parser knows (common/parsers/gpt-oss.cpp).
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
    """What a family of models writes around its thinking and, in some families, around the answer after it."""

    open: str
    close: str
    answer_open: str = ""
    answer_close: str = ""


HARMONY = ReasoningTags("<|channel|>analysis<|message|>", "<|end|>")
"""gpt-oss. Its replies are a sequence of messages in channels, not one pair of tags: see `harmony.Channels`."""

KNOWN_TAGS = (
    ReasoningTags(
        "<think>", "</think>"
    ),  # Qwen3, DeepSeek-R1, QwQ, GLM, Nemotron, SmolLM3 and most others
    ReasoningTags("<thinking>", "</thinking>"),
    ReasoningTags("<thought>", "</thought>"),  # EXAONE Deep
    ReasoningTags("<Thought>", "</Thought>", "<Output>", "</Output>"),  # Marco-o1
    ReasoningTags("[THINK]", "[/THINK]"),  # Magistral, Ministral 3 Reasoning
    ReasoningTags("<seed:think>", "</seed:think>"),  # Seed-OSS
    ReasoningTags("<mm:think>", "</mm:think>"),  # MiniMax-M3
    ReasoningTags("<|channel>thought", "<channel|>"),  # Gemma 4; a newline follows the opening tag
    ReasoningTags("<|thought_start|>", "<|thought_end|>"),  # MiniCPM3
    ReasoningTags(
        "<|START_THINKING|>", "<|END_THINKING|>", "<|START_RESPONSE|>", "<|END_RESPONSE|>"
    ),  # Command A, R7B
    ReasoningTags(
        "<|START_THINKING|>", "<|END_THINKING|>", "<|START_TEXT|>", "<|END_TEXT|>"
    ),  # Cohere's later MoE
    ReasoningTags("<|START_THINKING|>", "<|END_THINKING|>"),
    ReasoningTags("◁think▷", "◁/think▷"),  # Kimi-VL
    ReasoningTags("<|think|>", "<|end|><|begin|>assistant", "<|content|>", "<|end|>"),  # Solar Open
    ReasoningTags(
        "Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]", "", "[END FINAL RESPONSE]"
    ),  # Apriel 1.5
    HARMONY,
)

_TOKEN = re.compile(r"<[^<>]+>|\[[^][]+\]|◁[^◁▷]+▷")


def tags_of(template: str, tokens: Collection[str]) -> tuple[ReasoningTags, ...]:
    """The tags that the model with this chat template and these special or user-defined tokens uses."""
    return tuple(tags for tags in KNOWN_TAGS if _are_used(tags, template, tokens))


def _are_used(tags: ReasoningTags, template: str, tokens: Collection[str]) -> bool:
    if tags == HARMONY:  # `<|end|>` alone would be Phi-3's, too
        marks = ("<|channel|>", "<|message|>")
        return all(mark in template for mark in marks) or all(mark in tokens for mark in marks)
    if tags.answer_open and tags.answer_open not in template and tags.answer_open not in tokens:
        return False
    return tags.open in template or tags.close in template or tags.close in tokens


def marker_texts(tags: Iterable[ReasoningTags]) -> frozenset[str]:
    """Texts of the tokens that a detokeniser has to let through for a `ReasoningSplitter`, control tokens or not."""
    found: set[str] = set()
    for tag in tags:
        if tag == HARMONY:
            found |= TOKENS
        else:
            found.update(
                _TOKEN.findall(" ".join((tag.open, tag.close, tag.answer_open, tag.answer_close)))
            )
    return frozenset(found)


def end_of_thinking(tags: Iterable[ReasoningTags], prompt_end: str) -> str:
    """What has to follow a prompt, so that an answer can follow; empty if it does not begin to think."""
    ending = prompt_end.rstrip()
    for tag in tags:
        if tag == HARMONY:
            return "" if ending.endswith("<|message|>") else "<|channel|>final<|message|>"
        if ending.endswith(tag.open):
            return f"\n{tag.close}\n\n{tag.answer_open}"
    return ""


class Split(NamedTuple):
    """New text of each part of a reply."""

    thinking: str
    answer: str


class ReasoningSplitter:
    """Splits one reply. `prompt_end` is the rendered prompt, or its last line at least: it may have begun to think.

    Tags count at the reply's very beginning only, harmony's markup everywhere. A reply that ends before its closing tag
    is all thinking. Both parts come without tags, trimmed as `ReplyTrimmer` does it.
    """

    def __init__(self, tags: Collection[ReasoningTags], prompt_end: str) -> None:
        prompt_end = prompt_end.rstrip()
        self._parser = Channels(prompt_end) if HARMONY in tags else _Tagged(tags, prompt_end)
        self._trimmers = {part: ReplyTrimmer() for part in Part}

    def feed(self, text: str) -> Split:
        """What is decided now."""
        return self._trimmed(self._parser.feed(text))

    def flush(self) -> Split:
        """The text held back, once no more will come."""
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
    """A reply of at most one block of thinking, and the answer. The stages only go forward."""

    def __init__(self, tags: Collection[ReasoningTags], prompt_end: str) -> None:
        self._tags = tuple(tags)
        self._held = ""
        self._stage = _Stage.BEGINNING
        self._thinking = next((tag for tag in self._tags if prompt_end.endswith(tag.open)), None)
        self._answer_close = ""
        if self._thinking is not None:
            self._openings = frozenset(
                {self._thinking.open}
            )  # what the prompt has opened, the model may open again
        else:
            self._openings = frozenset(
                text for tag in self._tags for text in (tag.open, tag.answer_open) if text
            )
            answering = (
                tag
                for tag in self._tags
                if tag.answer_open and prompt_end.endswith(tag.answer_open)
            )
            self._answer_close = next((tag.answer_close for tag in answering), "")

    def feed(self, text: str) -> list[Found]:
        return self._advance(self._held + text, last=False)

    def flush(self) -> list[Found]:
        return self._advance(self._held, last=True)

    def _advance(self, text: str, *, last: bool) -> list[Found]:
        found: list[Found] = []
        self._held = ""
        if self._stage is _Stage.BEGINNING:
            opening = _leading(text.lstrip(), self._openings, last=last)
            if opening is None:
                self._held = text
                return found
            self._begin(opening)
            text = _behind(opening, text)
        if self._stage is _Stage.THINKING and self._thinking is not None:
            thought, closed, rest = text.partition(self._thinking.close)
            if not closed:
                thought, self._held = _undecided(
                    text, 0 if last else overlap(text, self._thinking.close)
                )
                return [(Part.THINKING, thought)]
            found.append((Part.THINKING, thought))
            text = rest
            self._stage = _Stage.BETWEEN
        if self._stage is _Stage.BETWEEN and self._thinking is not None:
            wrappers = {
                t.answer_open: t.answer_close for t in self._tags if t.close == self._thinking.close
            }
            opening = _leading(
                text.lstrip(), [wrapper for wrapper in wrappers if wrapper], last=last
            )
            if opening is None:
                self._held = text
                return found
            self._answer_close = wrappers.get(opening, "")
            text = _behind(opening, text)
            self._stage = _Stage.ANSWER
        found.append((Part.ANSWER, self._answer(text, last=last)))
        return found

    def _begin(self, opening: str) -> None:
        if self._thinking is None and opening:
            self._thinking = next((tag for tag in self._tags if tag.open == opening), None)
            if self._thinking is None:
                self._answer_close = next(
                    tag.answer_close for tag in self._tags if tag.answer_open == opening
                )
        self._stage = _Stage.ANSWER if self._thinking is None else _Stage.THINKING

    def _answer(self, text: str, *, last: bool) -> str:
        """The answer's text so far, without what closes it: that counts at the reply's very end only."""
        if not self._answer_close:
            return text
        trimmed = text.rstrip()
        if trimmed.endswith(self._answer_close):
            length = len(text) - len(trimmed) + len(self._answer_close)
        else:
            length = 0 if last else overlap(text, self._answer_close)
        shown, self._held = _undecided(text, length)
        return shown


def _leading(text: str, markers: Iterable[str], *, last: bool) -> str | None:
    """The longest of `markers` that `text` begins with; empty if there is none, None while that is undecided."""
    markers = tuple(markers)
    if not last and not text:
        return None
    if not last and any(len(marker) > len(text) and marker.startswith(text) for marker in markers):
        return None
    return max((marker for marker in markers if text.startswith(marker)), key=len, default="")


def _behind(opening: str, text: str) -> str:
    """What follows the tag; where there is none, the text with the white space in front, which may be an indent."""
    return text.lstrip()[len(opening) :] if opening else text


def _undecided(text: str, length: int) -> tuple[str, str]:
    """`text` without its last `length` characters, and those."""
    end = len(text) - length
    return text[:end], text[end:]
