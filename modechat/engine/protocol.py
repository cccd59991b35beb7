"""Defines the messages between a front end and an engine, and the interface of an engine.

Requests go in, events come out; `wire` puts them on a pipe. `seconds_` are wall-clock seconds,
counts are tokens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from modechat.domain.kv_types import KVType
from modechat.domain.placement import Placement
from modechat.engine.events import (
    AdaptersChanged,
    Cancelled,
    Cause,
    Delta,
    Event,
    Failed,
    Finished,
    FormatChanged,
    Heartbeat,
    Inspected,
    Loaded,
    LoadProgress,
    ModelInfo,
    PromptProgress,
    RawMeasured,
    Recovered,
    Shortened,
)
from modechat.engine.requests import (
    Adapter,
    ChatPrompt,
    CPUExtras,
    Generate,
    Inspect,
    InstructPrompt,
    Load,
    MeasureRaw,
    Request,
    SaveLanes,
    Shutdown,
    Stop,
    UseAdapters,
    UseFormat,
)

__all__ = [
    "Adapter",
    "AdaptersChanged",
    "CPUExtras",
    "Cancelled",
    "Cause",
    "ChatPrompt",
    "Delta",
    "Engine",
    "Event",
    "Failed",
    "Finished",
    "FormatChanged",
    "Generate",
    "Heartbeat",
    "Inspect",
    "Inspected",
    "InstructPrompt",
    "KVType",
    "Load",
    "LoadProgress",
    "Loaded",
    "MeasureRaw",
    "ModelInfo",
    "Placement",
    "PromptProgress",
    "RawMeasured",
    "Recovered",
    "Request",
    "SaveLanes",
    "Shortened",
    "Shutdown",
    "Stop",
    "UseAdapters",
    "UseFormat",
]


class Engine(Protocol):
    """Turns requests into events: the worker process, or the scripted engine."""

    def start(self) -> None:
        """Start the engine, or start it again after it died.

        Returns at once; the results come as events. No event from before the start follows. A
        closed engine stays closed.
        """

    def send(self, request: Request) -> None:
        """Hand over a request. Never blocks. An engine that died or was closed ignores it."""

    def events(self) -> AsyncIterator[Event]:
        """Yield events in order, until the engine is closed. Only one reader may use this."""

    async def close(self) -> None:
        """Shut the engine down and release everything."""
