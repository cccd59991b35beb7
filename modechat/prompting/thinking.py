"""Finds the variable that switches thinking on or off in some chat templates, by its effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from modechat.prompting.renderer import TemplateError

_VARIABLES = ("enable_thinking", "thinking")


class ThinkingSwitch(StrEnum):
    """The switch of a template, named by what the model does if nobody sets it."""

    NONE = "none"
    """The template has no switch."""
    ON = "on"
    """The model thinks unless it is switched off."""
    OFF = "off"
    """The model does not think unless it is switched on."""


@dataclass(frozen=True, slots=True)
class ThinkingControl:
    """The switch of one template and its variable."""

    switch: ThinkingSwitch = ThinkingSwitch.NONE
    variable: str = ""

    def variables(self, wanted: bool | None) -> Mapping[str, Any]:
        """Return the template's variables for thinking; None leaves the switch as it is."""
        if wanted is None or self.switch is ThinkingSwitch.NONE:
            return {}
        return {self.variable: wanted}


def find_control(template: str, render: Callable[..., str]) -> ThinkingControl:
    """Find the switch of `template`.

    `render` makes a prompt with the variables that it is given; it may raise TemplateError.
    """
    for variable in _VARIABLES:
        if variable not in template:
            continue
        try:
            untouched, on, off = render(), render(**{variable: True}), render(**{variable: False})
        except TemplateError:
            continue
        if on == off:
            continue
        if untouched == off:
            return ThinkingControl(ThinkingSwitch.OFF, variable)
        return ThinkingControl(ThinkingSwitch.ON, variable)
    return ThinkingControl()
