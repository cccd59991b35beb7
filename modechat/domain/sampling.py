"""The settings for choosing the next token."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_MIN_TEMPERATURE = 1e-6


class Sampling(BaseModel):
    """Sampling settings.

    Settings that are not set come from the model's file (`general.sampling.*`), else from
    `DEFAULTS`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: Annotated[float, Field(ge=0, le=10, strict=True)] | None = None
    """Randomness: 0 always takes the likeliest token, 0.7 is lively, above 1.5 wild."""
    top_k: Annotated[int, Field(ge=0, lt=2**31, strict=True)] | None = None
    """Choose among the k likeliest tokens only; 0 switches it off."""
    top_p: Annotated[float, Field(gt=0, le=1, strict=True)] | None = None
    """Choose among the likeliest tokens whose probabilities add up to this; 1 switches it off."""
    min_p: Annotated[float, Field(ge=0, le=1, strict=True)] | None = None
    """Leave out tokens less likely than this share of the likeliest one; 0 switches it off."""
    repeat_penalty: Annotated[float, Field(ge=0.01, le=10, strict=True)] | None = None
    """Makes tokens of the last 64 less likely to come again; 1 switches it off."""
    seed: Annotated[int, Field(ge=0, lt=2**32 - 1, strict=True)] | None = None
    """The same seed, prompt and settings give the same reply; unset: a new one for each reply."""
    max_tokens: Annotated[int, Field(ge=1, lt=2**31, strict=True)] | None = None
    """Longest reply in tokens; unset: as long as the context allows."""
    stop_repetition: Annotated[bool, Field(strict=True)] | None = None
    """A reply that does nothing but repeat itself is stopped; unset: it is."""
    stop: tuple[str, ...] = ()
    """Texts that end a reply, besides those of the prompt format."""

    @property
    def is_greedy(self) -> bool:
        """True if the likeliest token is always taken.

        Logits divided by a tiny temperature overflow; the likeliest token has all the probability
        long before.
        """
        return self.temperature is None or self.temperature < _MIN_TEMPERATURE

    def over(self, fallback: Sampling) -> Sampling:
        """Return these settings, completed with those of `fallback`."""
        own = self.model_dump(exclude_none=True)
        if not self.stop:
            own.pop("stop")
        return fallback.model_copy(update=own)


MODEL_KEYS = {
    "temperature": "general.sampling.temp",
    "top_k": "general.sampling.top_k",
    "top_p": "general.sampling.top_p",
    "min_p": "general.sampling.min_p",
    "repeat_penalty": "general.sampling.penalty_repeat",
}
"""The keys of recommended settings in a model's file."""

DEFAULTS = Sampling(
    temperature=0.7, top_k=40, top_p=0.95, min_p=0.05, repeat_penalty=1.0, stop_repetition=True
)
"""The settings that apply if neither the user nor the model's file sets them."""
