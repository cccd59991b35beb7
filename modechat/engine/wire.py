"""The protocol's messages on a pipe: each is one line of JSON."""

from __future__ import annotations

from pydantic import BaseModel, TypeAdapter

from modechat.engine.protocol import Event, Request

_REQUESTS: TypeAdapter[Request] = TypeAdapter(Request)
_EVENTS: TypeAdapter[Event] = TypeAdapter(Event)


def encode(message: BaseModel) -> bytes:
    """One line of the pipe, newline included."""
    return message.model_dump_json().encode() + b"\n"


def decode_request(line: bytes) -> Request:
    """Raises pydantic.ValidationError for a line that is no request."""
    return _REQUESTS.validate_json(line)


def decode_event(line: bytes) -> Event:
    """Raises pydantic.ValidationError for a line that is no event."""
    return _EVENTS.validate_json(line)
