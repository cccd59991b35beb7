"""The prompt, where the user types."""

from modechat.tui.widgets.prompt.prompt import Prompt

__all__ = ["Prompt"]
