"""What can fail in the worker in a way that the user should understand."""

from __future__ import annotations

from typing import Literal


class WorkerFailure(Exception):
    """Becomes a Failed event; the worker goes on."""

    def __init__(
        self, kind: Literal["model", "engine", "context", "request"], title: str, hint: str = ""
    ) -> None:
        super().__init__(title)
        self.kind: Literal["model", "engine", "context", "request"] = kind
        self.title = title
        self.hint = hint
