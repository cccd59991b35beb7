"""Animations that are stopped while they run."""

from __future__ import annotations

from pathlib import Path

from textual._animator import Animator

from tests.tui.harness import running_app


class Restless:
    """Stops its own animation, as a scroll position does whose watcher scrolls elsewhere."""

    def __init__(self, animator: Animator) -> None:
        self._animator = animator
        self._value = 0.0
        self.others: list[Restless] = []

    @property
    def value(self) -> float:
        return self._value

    @value.setter
    def value(self, value: float) -> None:
        self._value = value
        if value >= 10:
            for one in (self, *self.others):
                self._animator.force_stop_animation(one, "value")


async def test_an_animation_that_its_last_step_stops_does_not_end_the_program(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path) as screen:
        first, second = Restless(screen.app.animator), Restless(screen.app.animator)
        first.others = [second]
        for one in (first, second):
            screen.app.animator.animate(one, "value", 10.0, duration=0.02, level="none")
        await screen.until(lambda: first.value == second.value == 10)
        await screen.type("still here")
        await screen.sees("still here")
