"""Formats messages as the text that a model was trained on. Pure: no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modechat.prompting.renderer import TemplateError

if TYPE_CHECKING:
    from modechat.prompting.template import render

__all__ = ["TemplateError", "render"]


def __getattr__(name: str) -> Any:
    # Jinja loads on first use: the front ends need the formats' names, not their rendering.
    if name == "render":
        from modechat.prompting.template import render

        return render
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
