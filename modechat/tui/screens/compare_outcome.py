"""Keeps a reply of a comparison, and tells the user the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modechat.commands.comparing import use_from_now_on
from modechat.domain.modes import Incomplete
from modechat.domain.text import ended, in_one_line
from modechat.errors import StoreError

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession
    from modechat.session.variants import VariantSettings


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a comparison."""

    words: str
    """The message to the user."""
    is_kept: bool = False
    """True if a reply was kept."""


async def keep_reply(session: ChatSession, at: int, label: str) -> Outcome | Incomplete:
    """Keep the reply of the variant at index `at`. Return the reason if that is not possible."""
    try:
        reason = await session.comparison.keep(at)
    except StoreError as error:
        return Incomplete(in_one_line(error.title, error.hint))
    if reason is not None:
        return reason
    return Outcome(f"Kept: {label}.", is_kept=True)


async def use_settings(session: ChatSession, settings: VariantSettings, label: str) -> Outcome:
    """Use from now on the settings of the variant whose reply was kept."""
    try:
        reason = await use_from_now_on(settings, session)
    except StoreError as error:
        words = f"The reply is kept, and {label} is used now, but not remembered: "
        return Outcome(words + ended(error.title), is_kept=True)
    if reason is not None:
        words = f"The reply is kept, but its settings are not used: {reason.reason}"
        return Outcome(words, is_kept=True)
    return Outcome(f"Kept, and used from now on: {label}.", is_kept=True)
