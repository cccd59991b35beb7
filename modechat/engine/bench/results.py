"""The sizes of the benchmark, and its results."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured.

    Sizes are tokens at most: a slow machine or a short context gets less.
    """

    pairs: int
    """How often modechat and the raw loop are measured, by turns."""
    prompt: int
    reply: int
    turns: int
    """Turns of the growing chat; before every other one the mode is switched."""
    turn: int
    resumes: int
    resume: int
    seconds: float
    """Seconds that one prompt or one reply may take, about."""


FULL = Effort(
    pairs=7, prompt=512, reply=128, turns=12, turn=150, resumes=2, resume=2000, seconds=15
)
QUICK = Effort(pairs=3, prompt=128, reply=48, turns=4, turn=60, resumes=1, resume=500, seconds=6)


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the growing chat."""

    context_tokens: int
    seconds_to_first_token: float
    evaluated_again: int
    """Tokens that had been evaluated before."""
    is_after_switch: bool


@dataclass(frozen=True, slots=True)
class BenchResult:
    """The measurements.

    Speeds are tokens a second, medians; None: not measurable in this context.
    """

    model: str
    device: str
    n_ctx: int
    raw_pp: float
    raw_tg: float
    modechat_pp: float
    modechat_tg: float
    pp_ratio: float
    """Modechat's speed to the raw loop's."""
    tg_ratio: float
    first_token_series: tuple[Turn, ...]
    switch_evaluated_tokens: int
    """Tokens that a chat turn evaluates again only because of a task in between."""
    resume_tokens: int
    resume_ratio: float | None
    """The time to the first token of a chat from disk, to evaluating one of the same length."""
    speculation_ratio: float | None
    """Speed with guesses to without, where the reply copies its input."""
    speculation_other_ratio: float | None
    """The same where nothing is repeated."""
    seconds_load: float
