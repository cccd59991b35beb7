"""Lets the last step of an animation stop that animation.

The last step of scrolling calls watchers. A watcher that scrolls elsewhere at once stops the
animation; the transcript does so where it follows the end again. Textual 8.2.8 then does not find
the animation among those that run, and ends the program with a KeyError.
"""

from __future__ import annotations

from textual._animator import Animator


class StoppableAnimator(Animator):
    def __call__(self) -> None:
        running = set(self._animations)
        try:
            super().__call__()
        except KeyError as error:
            (key,) = error.args
            if key not in running or key in self._animations:
                raise
