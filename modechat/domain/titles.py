"""Makes titles of conversations from their first message."""

from __future__ import annotations

from modechat.domain.conversation import message_text
from modechat.domain.modes import ChatMessage, Task
from modechat.domain.text import sanitize_line, shortened


def title_of(text: str, width: int = 60) -> str:
    """Return a title for a conversation that begins with `text`: the first line with words."""
    for line in text.splitlines():
        title = line.strip().lstrip("#").strip()
        if title:
            return shortened(title, width)
    return ""


def shown_title(title: str) -> str:
    """Return a conversation's title in one line, safe to show."""
    return sanitize_line(title) or "Without a title"


def title_of_request(request: ChatMessage | Task) -> str:
    """Return a title for a conversation that begins with `request`.

    Many tasks share their instruction but not their input, so the input comes first.
    """
    if isinstance(request, Task) and request.input:
        return title_of(request.input) or title_of(request.instruction)
    return title_of(message_text(request))


def titles_of_request(request: ChatMessage | Task) -> tuple[str, ...]:
    """Return all titles that such a conversation may have, those of earlier versions included."""
    return title_of_request(request), title_of(message_text(request))
