"""Renders messages with templates that drop a text or refuse the order of the messages.

The first fallback that loses no text is used: all texts occur in the prompt, the user's in order.
Texts of the assistant may be lost if no fallback keeps them, because some templates drop what they
take for markup. The fallbacks change as little as possible: first the messages as they are, then
the system text moved to where templates expect it, or joined to a user's message (as llama.cpp
does), then neighbours of one role joined, then contents as typed lists. If no fallback renders all
texts, a named format replaces the template.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from modechat.domain.text import shortened
from modechat.prompting.guard import without_marker
from modechat.prompting.prompt_format import AS_IS
from modechat.prompting.renderer import TemplateError, TemplateLimitError

Messages: TypeAlias = list[dict[str, Any]]
Change: TypeAlias = Callable[[Messages], Messages]

OPENING = "(start)"
"""The user's message before a conversation that the assistant begins."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendering that lost nothing, and the name of the fallback that made it."""

    text: str
    fallback: str


def render_with_fallbacks(
    render: Callable[[Messages], str], messages: Sequence[Mapping[str, Any]]
) -> Rendered:
    """Render `messages` with the first fallback that loses no text.

    `render` makes a prompt of messages. Raises TemplateError with the reason of the first refusal
    if every fallback loses a text. Raises TemplateLimitError at once: a template that takes too
    long is not tried again.
    """
    refusal: TemplateError | None = None
    without_replies: Rendered | None = None
    for name, adapted in _adaptations([dict(message) for message in messages]):
        try:
            text = render(adapted)
            _check(text, messages, adapted)
        except TemplateLimitError:
            raise
        except TemplateError as error:
            refusal = refusal or error
            continue
        rendered = Rendered(text, name)
        if _keeps_replies(text, messages):
            return rendered
        without_replies = without_replies or rendered
    if without_replies is not None:
        return without_replies
    raise refusal or TemplateError("there are no messages")


def _check(rendered: str, messages: Sequence[Mapping[str, Any]], adapted: Messages) -> None:
    """Raise TemplateError for a prompt that lost a text or shows typed contents as code."""
    if _shows_typed(rendered, adapted):
        raise TemplateError("it shows typed contents as code")
    lost = lost_text(rendered, messages)
    if lost is not None:
        raise TemplateError(f"it leaves out “{shortened(without_marker(lost), _MAX_SHOWN)}”")


def lost_text(rendered: str, messages: Sequence[Mapping[str, Any]]) -> str | None:
    """Return a text of the system or the user that is missing in `rendered` or out of order.

    Returns None if all are there. A text that is part of other texts must occur once more than in
    those.
    """
    position = 0
    users = _texts_of("user", messages)
    for text in users:
        at = rendered.find(text, position)
        if at < 0:
            return text
        position = at + len(text)
    system = _texts_of("system", messages)
    for text in filter(None, (*system, *users)):
        if not any(text in other for other in system):
            continue  # a user's text: the loop above has found it
        if rendered.count(text) < sum(other.count(text) for other in (*system, *users)):
            return text
    return None


def _shows_typed(rendered: str, adapted: Messages) -> bool:
    """Return True if the template wrote typed contents as Python or JSON, not as their text."""
    contents = [message["content"] for message in adapted if isinstance(message["content"], list)]
    if not contents:
        return False
    texts = "".join(part["text"] for content in contents for part in content)
    return any(form in rendered and form not in texts for form in _TYPED_AS_CODE)


def _keeps_replies(rendered: str, messages: Sequence[Mapping[str, Any]]) -> bool:
    return all(text in rendered for text in _texts_of("assistant", messages))


def _texts_of(role: str, messages: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the texts of one role without their outer white space."""
    texts: list[str] = []
    for message in messages:
        if message["role"] == role:
            texts.append(str(message["content"]).strip())
    return texts


def _system_first(messages: Messages) -> Messages:
    """Join all system texts to one message at the front."""
    system: list[str] = []
    rest: Messages = []
    for message in messages:
        if message["role"] == "system":
            system.append(message["content"])
        else:
            rest.append(message)
    if not system:
        return rest
    return [{"role": "system", "content": "\n\n".join(system)}, *rest]


def _system_in_user(messages: Messages) -> Messages:
    """Join each system text to the user's next message, or to the last one if none follows."""
    changed: Messages = []
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "system":
            waiting.append(message["content"])
        elif message["role"] == "user" and waiting:
            changed.append({**message, "content": "\n".join([*waiting, message["content"]])})
            waiting = []
        else:
            changed.append(message)
    if not waiting:
        return changed
    for at, message in reversed(list(enumerate(changed))):
        if message["role"] == "user":
            changed[at] = {**message, "content": "\n".join([message["content"], *waiting])}
            return changed
    return [*changed, {"role": "user", "content": "\n".join(waiting)}]


def _alternating(messages: Messages) -> Messages:
    """Join neighbours of one role with a blank line, and let the user begin."""
    changed: Messages = []
    for message in messages:
        if changed and changed[-1]["role"] == message["role"]:
            joined = f"{changed[-1]['content']}\n\n{message['content']}"
            changed[-1] = {**changed[-1], **message, "content": joined}
        else:
            changed.append(message)
    for at, message in enumerate(changed):
        if message["role"] == "assistant":
            changed.insert(at, {"role": "user", "content": OPENING})
        if message["role"] != "system":
            break
    return changed


def _system_first_alternating(messages: Messages) -> Messages:
    return _alternating(_system_first(messages))


def _system_in_user_alternating(messages: Messages) -> Messages:
    return _alternating(_system_in_user(messages))


def _typed(messages: Messages) -> Messages:
    """Turn contents into lists of typed parts, which some templates want."""
    typed: Messages = []
    for message in messages:
        typed.append({**message, "content": [{"type": "text", "text": message["content"]}]})
    return typed


_FALLBACKS: Mapping[str, Change] = {
    AS_IS: list,
    "system text first": _system_first,
    "system text joined to a user's message": _system_in_user,
    "messages of one role joined": _alternating,
    "system text first, messages of one role joined": _system_first_alternating,
    "system text joined to a user's message, messages of one role joined": (
        _system_in_user_alternating
    ),
}
"""The ways to give a conversation to a template, by their names, which say what they change."""
_TYPED = "typed contents"
_TYPED_AS_CODE = ("{'type': 'text'", '{"type": "text"', '{"type":"text"')
_MAX_SHOWN = 40
"""Characters of a lost text in an error."""


def _adaptations(messages: Messages) -> Iterator[tuple[str, Messages]]:
    """Yield the messages as each fallback changes them, with its name; then the same as typed
    lists.

    Fallbacks that change nothing more are left out.
    """
    distinct: list[tuple[str, Messages]] = []
    for name, change in _FALLBACKS.items():
        changed = change(messages)
        if all(changed != earlier for _, earlier in distinct):
            distinct.append((name, changed))
    yield from distinct
    for name, changed in distinct:
        typed_name = _TYPED
        if name != AS_IS:
            typed_name = f"{name}, {_TYPED}"
        yield typed_name, _typed(changed)
