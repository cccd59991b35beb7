"""What a front end of the chat starts with."""

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
    """`engine` has been started; `store` is open."""

    engine: Engine
    store: Store
    settings: SessionSettings
    resume: bool = True
    """True if the last conversation is opened, False for a new one."""
    troubles: tuple[ModechatError, ...] = ()
    """Errors that do not keep the chat from starting."""
