"""The prompt: where the user types, with what helps at it."""

from modechat.tui.widgets.prompt.prompt import Prompt

__all__ = ["Prompt"]
