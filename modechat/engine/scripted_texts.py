"""Makes the texts of the scripted engine: prompts of words, shortened if the context is full."""

from __future__ import annotations

import re
from collections.abc import Iterator

from modechat.domain.conversation import Message, Role
from modechat.engine.prompt_view import PromptView, TokenView
from modechat.engine.protocol import ChatPrompt, Generate, Inspect, InstructPrompt
from modechat.prompting.formats import FormatSource
from modechat.prompting.prompt_format import AS_IS


def without(request: Generate, prompt: ChatPrompt, n_left_out: int) -> tuple[Generate, bool]:
    """Return the request without its oldest messages, and True if no more messages can go."""
    kept, n_gone, n_movable = [], 0, 0
    for index, message in enumerate(prompt.messages):
        is_last = index == len(prompt.messages) - 1
        can_go = not (message.role == Role.SYSTEM or message.pinned or is_last)
        n_movable += can_go
        if can_go and n_gone < n_left_out:
            n_gone += 1
        else:
            kept.append(message)
    kept.sort(key=_comes_after_system)
    shorter = prompt.model_copy(update={"messages": tuple(kept), "n_left_out": n_left_out})
    return request.model_copy(update={"prompt": shorter}), n_left_out >= n_movable


def words(text: str) -> list[str]:
    """Return `text` in pieces that end with their white space."""
    return re.findall(r"\S+\s*|\s+", text)


def part_thinking(answer: str) -> tuple[str, str]:
    """Return the text in `<think>` tags at the beginning of a reply, and the rest."""
    if not answer.startswith("<think>"):
        return "", answer
    thought, _, rest = answer.removeprefix("<think>").partition("</think>")
    return thought.strip(), rest


def prompt_view(request: Inspect) -> PromptView:
    """Return a prompt in ChatML, one token a word."""
    tokens: list[TokenView] = []
    parts: list[tuple[str, int]] = []
    for part, found in _parts(request):
        tokens += found
        parts.append((part, len(found)))
    return PromptView(
        text="".join(token.text for token in tokens),
        tokens=tuple(tokens),
        parts=tuple(parts),
        format="chat-template",
        format_source=FormatSource.GGUF,
        fallback=AS_IS,
        neutralised=neutralised(_messages(request)[-1][1]),
        stop=(),
    )


def _parts(request: Inspect) -> Iterator[tuple[str, list[TokenView]]]:
    """Yield the parts of a prompt.

    Each named format has its own prompt, which begins with the format's name.
    """
    start = TokenView(id=2, text="<|im_start|>", control=True)
    end = TokenView(id=3, text="<|im_end|>", control=True)
    if request.format not in (None, "chat-template"):
        yield "template", [_token(5, f"{request.format}\n")]
    for role, content in _messages(request):
        tokens = [_token(10 + len(word), word) for word in words(content) or [""]]
        yield "template", [start, _token(11 + len(role), f"{role}\n")]
        yield role, tokens
        yield "template", [end, _token(4, "\n")]
    yield "template", [start, _token(9, "assistant\n")]


def _token(number: int, text: str) -> TokenView:
    return TokenView(id=number, text=text, control=False)


def _comes_after_system(message: Message) -> bool:
    return message.role != Role.SYSTEM


def neutralised(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"<\|im_(?:start|end)\|>", text))


def _messages(request: Inspect) -> list[tuple[str, str]]:
    prompt = request.prompt
    if isinstance(prompt, InstructPrompt):
        return [("user", _task_text(prompt))]
    return [(message.role.value, message.content) for message in prompt.messages]


def _task_text(prompt: InstructPrompt) -> str:
    return f"{prompt.instruction}\n\n{prompt.input}".strip()


def prompt_text(request: Generate) -> str:
    prompt = request.prompt
    if isinstance(prompt, InstructPrompt):
        return f"{prompt.instruction}\n{prompt.input}"
    return "".join(f"{message.role}: {message.content}\n" for message in prompt.messages)


def last_user_text(request: Generate) -> str:
    """Return the text of the newest message, for scripts that answer by content."""
    prompt = request.prompt
    if isinstance(prompt, InstructPrompt):
        return _task_text(prompt)
    for message in reversed(prompt.messages):
        if message.role == Role.USER:
            return message.content
    return ""
