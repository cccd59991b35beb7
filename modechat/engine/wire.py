"""Puts the protocol's messages on a pipe: each is one line of JSON."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel

from modechat.engine.protocol import Event, Request

_TYPE_FIRST = b'{"type":"'
"""The beginning of every line: `type` is the first field of every message."""


def _by_type(union: Any) -> dict[str, type[BaseModel]]:
    messages = get_args(get_args(union)[0])
    return {message.model_fields["type"].default: message for message in messages}


_REQUESTS = _by_type(Request)
_EVENTS = _by_type(Event)


def encode(message: BaseModel) -> bytes:
    """Return a message as one line, newline included."""
    return message.model_dump_json().encode() + b"\n"


def decode_request(line: bytes) -> Request:
    """Return the request in a line. Raises ValueError for a line without one."""
    return _decode(line, _REQUESTS)  # type: ignore[return-value]


def decode_event(line: bytes) -> Event:
    """Return the event in a line. Raises ValueError for a line without one."""
    return _decode(line, _EVENTS)  # type: ignore[return-value]


def type_of(line: bytes) -> str | None:
    """Return the type that a message names, even an unknown one; None: the line is no message."""
    if not line.startswith(_TYPE_FIRST):
        return None
    end = line.find(b'"', len(_TYPE_FIRST))
    return line[len(_TYPE_FIRST) : end].decode(errors="replace")


def _decode(line: bytes, messages: dict[str, type[BaseModel]]) -> BaseModel:
    # One TypeAdapter of the union would build the validators of all messages at the start, which
    # takes 0.1 s.
    name = type_of(line)
    if name is None or name not in messages:
        raise ValueError(f"no message: {line[:100]!r}")
    return messages[name].model_validate_json(line)
