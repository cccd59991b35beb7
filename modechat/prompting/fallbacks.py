"""The fallbacks: what is tried when a template drops a text or refuses the order of the messages.

From the top, the first fallback counts whose rendering loses no text: all of them occur in the prompt, the user's in order.
Only the assistant's may be lost if no fallback keeps them: some templates drop what they take for markup in them. The fallbacks
change as little as possible: first the messages as they are, then the system text moved to where templates expect it,
or joined to a user's message (as llama.cpp does), then neighbours of one role joined, then contents as typed lists.
Where no fallback holds, a named format takes the template's place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from modechat.prompting.guard import without_marker
from modechat.prompting.renderer import TemplateError, TemplateLimitError

Messages: TypeAlias = list[dict[str, Any]]
Change: TypeAlias = Callable[[Messages], Messages]

AS_IS = "as is"
REFUSED = "because the template refuses"
"""In the name of a fallback on which a named format took the template's place."""
OPENING = "(start)"
"""What the user is made to say before a conversation that the assistant begins."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to hand over a conversation; `name` says what it changes."""

    name: str
    change: Change


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendering that lost nothing, and the fallback that made it."""

    text: str
    fallback: str


def render_with_fallbacks(
    render: Callable[[Messages], str], messages: Sequence[Mapping[str, Any]]
) -> Rendered:
    """Render `messages` on the first fallback that loses no text.

    `render` makes the prompt of messages. Raises TemplateError with the reason of the first refusal if no fallback holds;
    TemplateLimitError at once: what takes too long is not tried again.
    """
    refusal: TemplateError | None = None
    without_replies: Rendered | None = None
    for name, adapted in _adaptations([dict(message) for message in messages]):
        try:
            text = render(adapted)
        except TemplateLimitError:
            raise
        except TemplateError as error:
            refusal = refusal or error
            continue
        lost = lost_text(text, messages)
        if _shows_typed(text, adapted):
            refusal = refusal or TemplateError("it shows typed contents as code")
        elif lost is not None:
            refusal = refusal or TemplateError(f"it leaves out “{_shorten(without_marker(lost))}”")
        elif _keeps_replies(text, messages):
            return Rendered(text, name)
        else:
            without_replies = without_replies or Rendered(text, name)
    if without_replies is not None:
        return without_replies
    raise refusal or TemplateError("there are no messages")


def lost_text(rendered: str, messages: Sequence[Mapping[str, Any]]) -> str | None:
    """A text of the system or the user that does not occur in `rendered`, or out of order; None if all do.

    A text that stands in another one of them must occur once more.
    """
    position = 0
    for message in messages:
        if message["role"] == "user":
            text = _text_of(message)
            at = rendered.find(text, position)
            if at < 0:
                return text
            position = at + len(text)
    system = [_text_of(message) for message in messages if message["role"] == "system"]
    users = [_text_of(message) for message in messages if message["role"] == "user"]
    # Their order has told whether the users' texts stand for each other.
    doubtful = (*system, *(text for text in users if any(text in other for other in system)))
    for text in filter(None, doubtful):
        if rendered.count(text) < sum(other.count(text) for other in (*system, *users)):
            return text
    return None


def _shows_typed(rendered: str, adapted: Messages) -> bool:
    """Whether the template wrote a typed content as it is, as Python or JSON, instead of its text."""
    if not any(isinstance(message["content"], list) for message in adapted):
        return False
    texts = "".join(part["text"] for message in adapted for part in message["content"])
    return any(
        form in rendered and form not in texts
        for form in ("{'type': 'text'", '{"type": "text"', '{"type":"text"')
    )


def _keeps_replies(rendered: str, messages: Sequence[Mapping[str, Any]]) -> bool:
    return all(
        _text_of(message) in rendered for message in messages if message["role"] == "assistant"
    )


def _text_of(message: Mapping[str, Any]) -> str:
    return str(message["content"]).strip()


def _system_first(messages: Messages) -> Messages:
    """All system texts as one message at the front."""
    system = [message["content"] for message in messages if message["role"] == "system"]
    rest = [message for message in messages if message["role"] != "system"]
    return [{"role": "system", "content": "\n\n".join(system)}, *rest] if system else rest


def _system_in_user(messages: Messages) -> Messages:
    """Each system text joined to the user's next message; to the last one if none follows."""
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
    if waiting:
        last = next(
            (i for i in range(len(changed) - 1, -1, -1) if changed[i]["role"] == "user"), None
        )
        if last is None:
            return [*changed, {"role": "user", "content": "\n".join(waiting)}]
        changed[last] = {
            **changed[last],
            "content": "\n".join([changed[last]["content"], *waiting]),
        }
    return changed


def _alternating(messages: Messages) -> Messages:
    """Neighbours of one role joined with a blank line, and a user's message before what the assistant begins."""
    changed: Messages = []
    for message in messages:
        if changed and changed[-1]["role"] == message["role"]:
            joined = f"{changed[-1]['content']}\n\n{message['content']}"
            changed[-1] = {**changed[-1], **message, "content": joined}
        else:
            changed.append(message)
    first = next((i for i, message in enumerate(changed) if message["role"] != "system"), None)
    if first is not None and changed[first]["role"] == "assistant":
        changed.insert(first, {"role": "user", "content": OPENING})
    return changed


def _typed(messages: Messages) -> Messages:
    """Contents as lists of typed parts, which some templates want."""
    return [
        {**message, "content": [{"type": "text", "text": message["content"]}]}
        for message in messages
    ]


_RUNGS = (
    Rung(AS_IS, list),
    Rung("system text first", _system_first),
    Rung("system text joined to a user's message", _system_in_user),
    Rung("messages of one role joined", _alternating),
    Rung(
        "system text first, messages of one role joined",
        lambda messages: _alternating(_system_first(messages)),
    ),
    Rung(
        "system text joined to a user's message, messages of one role joined",
        lambda messages: _alternating(_system_in_user(messages)),
    ),
)
_TYPED = "typed contents"


def _adaptations(messages: Messages) -> Iterator[tuple[str, Messages]]:
    """The fallbacks with what they make of `messages`, without those that change nothing; then typed."""
    distinct: list[tuple[str, Messages]] = []
    for fallback in _RUNGS:
        changed = fallback.change(messages)
        if all(changed != earlier for _, earlier in distinct):
            distinct.append((fallback.name, changed))
    yield from distinct
    for name, changed in distinct:
        yield _TYPED if name == AS_IS else f"{name}, {_TYPED}", _typed(changed)


def _shorten(text: str, width: int = 40) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
