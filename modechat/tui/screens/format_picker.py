"""The list of prompt formats, for the chat, the settings and a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modechat.prompting.prompt_format import CHAT_TEMPLATE
from modechat.tui.screens.picker import Choice, PickerScreen

if TYPE_CHECKING:
    from textual.app import App

    from modechat.engine.protocol import ModelInfo
    from modechat.session.chat_session import ChatSession


@dataclass(frozen=True, slots=True)
class PickedFormat:
    """The format that the user chose."""

    name: str | None
    """None: the program chooses the format that fits."""


async def pick_format(
    app: App[object],
    session: ChatSession,
    used: object,
    *,
    automatic: str = "what fits the model",
    model: ModelInfo | None = None,
) -> PickedFormat | None:
    """Let the user choose a format from the list. Return None if the list was closed.

    `used` is the name of the marked format. `automatic` describes the row that chooses no format by
    name; an empty text leaves that row out. If `model` has no chat template, the format of that
    name is left out; without a `model`, the format may be for any. Call this in a worker.
    """
    rows: list[tuple[str | None, Choice]] = []
    if automatic:
        rows.append((None, Choice("automatic", automatic)))
    if model is None or model.has_template:
        own = Choice(CHAT_TEMPLATE, "the model's own", is_current=used == CHAT_TEMPLATE)
        rows.append((CHAT_TEMPLATE, own))
    for named in session.settings.load.formats:
        detail = f"{named.origin} · {named.source}"
        is_used = used == named.name
        rows.append((named.name, Choice(named.name, named.title, detail, is_current=is_used)))
    picker = PickerScreen("Prompt format", [choice for _, choice in rows])
    chosen = await app.push_screen_wait(picker)
    return None if chosen is None else PickedFormat(rows[chosen][0])
