"""Defines the failures in the worker that the user should understand."""

from __future__ import annotations

from typing import Literal

from modechat.engine.protocol import Cause


class WorkerFailure(Exception):
    """A failure that becomes a Failed event with the same fields; the worker goes on."""

    def __init__(
        self,
        kind: Literal["model", "engine", "context", "request"],
        title: str,
        hint: str = "",
        *,
        cause: Cause = Cause.OTHER,
    ) -> None:
        super().__init__(title)
        self.kind: Literal["model", "engine", "context", "request"] = kind
        self.cause = cause
        self.title = title
        self.hint = hint
