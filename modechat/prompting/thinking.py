"""The switch for thinking that some chat templates have: a variable, found by what it changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from modechat.prompting.renderer import TemplateError

_VARIABLES = ("enable_thinking", "thinking")


class ThinkingSwitch(StrEnum):
    """Whether one can choose if the model thinks before it answers."""

    NONE = "none"
    """Its template has no switch."""
    ON = "on"
    """It has; untouched, the model thinks."""
    OFF = "off"
    """It has; untouched, the model does not."""


@dataclass(frozen=True, slots=True)
class ThinkingControl:
    """The switch of one template: the variable that it is, and what it says untouched."""

    switch: ThinkingSwitch = ThinkingSwitch.NONE
    variable: str = ""

    def variables(self, wanted: bool | None) -> Mapping[str, Any]:
        """The template's variables for thinking (None: untouched)."""
        return (
            {} if wanted is None or self.switch is ThinkingSwitch.NONE else {self.variable: wanted}
        )


def find_control(template: str, render: Callable[..., str]) -> ThinkingControl:
    """The switch of `template`. `render` makes a prompt with the variables that it is given; it may raise
    TemplateError."""
    for variable in _VARIABLES:
        if variable not in template:
            continue
        try:
            untouched, on, off = render(), render(**{variable: True}), render(**{variable: False})
        except TemplateError:
            continue
        if on != off:
            return ThinkingControl(
                ThinkingSwitch.OFF if untouched == off else ThinkingSwitch.ON, variable
            )
    return ThinkingControl()
