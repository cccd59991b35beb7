"""The protocol's messages on a pipe: each is one line of JSON."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel

from modechat.engine.protocol import Event, Request

_TYPE_FIRST = b'{"type":"'
"""How every line begins: `type` is the first field of every message."""


def _by_type(union: Any) -> dict[bytes, type[BaseModel]]:
    messages = get_args(get_args(union)[0])
    return {message.model_fields["type"].default.encode(): message for message in messages}


_REQUESTS = _by_type(Request)
_EVENTS = _by_type(Event)


def encode(message: BaseModel) -> bytes:
    """One line of the pipe, newline included."""
    return message.model_dump_json().encode() + b"\n"


def decode_request(line: bytes) -> Request:
    """Raises ValueError for a line that is no request."""
    return _decode(line, _REQUESTS)  # type: ignore[return-value]


def decode_event(line: bytes) -> Event:
    """Raises ValueError for a line that is no event."""
    return _decode(line, _EVENTS)  # type: ignore[return-value]


def _decode(line: bytes, messages: dict[bytes, type[BaseModel]]) -> BaseModel:
    # Not one TypeAdapter of the union: it would build the validators of all messages at the start, for 0.1 s.
    name = line[len(_TYPE_FIRST) : line.find(b'"', len(_TYPE_FIRST))]
    if not line.startswith(_TYPE_FIRST) or name not in messages:
        raise ValueError(f"no message: {line[:100]!r}")
    return messages[name].model_validate_json(line)
