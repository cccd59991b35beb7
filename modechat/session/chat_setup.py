"""The values that a chat front end starts with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modechat.engine.protocol import Engine
    from modechat.errors import ModechatError
    from modechat.session.settings import SessionSettings
    from modechat.store import Store


@dataclass(frozen=True, slots=True)
class ChatSetup:
    """The parts of a chat: `engine` has been started, and `store` is open."""

    engine: Engine
    store: Store
    settings: SessionSettings
    resume: bool = True
    """True to open the last conversation, False to open a new one."""
    troubles: tuple[ModechatError, ...] = ()
    """Errors that do not prevent the chat from starting."""
