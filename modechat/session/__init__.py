"""The session: the state machine between a front end, the engine and the store."""

from modechat.session.chat_session import ChatSession
from modechat.session.settings import SessionSettings, generate_request

__all__ = ["ChatSession", "SessionSettings", "generate_request"]
