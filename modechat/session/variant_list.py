"""The variants of a comparison: the stage of each, and its reply so far.

Every change reaches the listener.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from modechat.domain.continuing import ended, grown
from modechat.domain.conversation import Reply, ReplyState, StopReason
from modechat.engine.protocol import Delta
from modechat.session.variants import (
    ComparisonEvent,
    Stage,
    Variant,
    VariantChanged,
    VariantGrew,
    VariantSettings,
)

STOPPED = Reply(state=ReplyState.STOPPED, stop_reason=StopReason.STOPPED)


def nobody(_event: ComparisonEvent) -> None:
    """Ignore the events while no comparison is open."""


class VariantList:
    """The variants, numbered by their index. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._variants: list[Variant] = []
        self._first_text_at = 0.0
        self.listener: Callable[[ComparisonEvent], None] = nobody

    def __getitem__(self, index: int) -> Variant:
        return self._variants[index]

    @property
    def all(self) -> tuple[Variant, ...]:
        return tuple(self._variants)

    @property
    def is_running(self) -> bool:
        """True while a variant waits or is written."""
        return any(variant.stage is not Stage.ENDED for variant in self._variants)

    def begin(self, settings: Sequence[VariantSettings]) -> None:
        """Replace the list by new variants that wait."""
        self._variants = [Variant(own) for own in settings]

    def clear(self) -> None:
        self._variants = []

    def unasked(self) -> list[int]:
        """Return the indexes of the variants that wait."""
        return [index for index, one in enumerate(self._variants) if _waits(one)]

    def unasked_of(self, model: str | None) -> list[int]:
        """Return the indexes of a model's variants that wait."""
        return [index for index in self.unasked() if self[index].settings.model == model]

    def wait_again(self, index: int) -> None:
        """Make a variant that has ended wait again."""
        self._change(index, Variant(self[index].settings))

    def show_stage(self, index: int, stage: Stage, fraction: float = 0.0) -> None:
        """Show that a variant loads its model or reads its prompt; `fraction` of that is done."""
        self._change(index, replace(self[index], stage=stage, fraction=fraction))

    def show_read(self, index: int, fraction: float) -> None:
        """Show that `fraction` of the prompt is read."""
        self._change(index, replace(self[index], fraction=fraction))

    def grow(self, index: int, delta: Delta) -> None:
        """Add new text to the variant's reply."""
        variant, now = self[index], self._clock()
        if variant.stage is Stage.READING:
            self._first_text_at = now
        changed = replace(
            variant,
            stage=Stage.WRITING,
            reply=grown(variant.reply, delta.text, is_thinking=delta.is_thinking),
            n_tokens=max(delta.completion_tokens, variant.n_tokens),
            seconds=now - self._first_text_at,
        )
        self._variants[index] = changed
        self.listener(VariantGrew(index, changed, delta.text, delta.is_thinking))

    def end(self, index: int, result: Reply) -> None:
        """End the variant with the state of `result`; its text so far stays."""
        reply = ended(self[index].reply, result)
        self._change(index, replace(self[index], stage=Stage.ENDED, reply=reply))

    def _change(self, index: int, variant: Variant) -> None:
        self._variants[index] = variant
        self.listener(VariantChanged(index, variant))


def _waits(variant: Variant) -> bool:
    return variant.stage in (Stage.WAITING, Stage.LOADING)
