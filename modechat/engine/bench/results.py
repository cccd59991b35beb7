"""Defines the sizes of the benchmark, and its results."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """The sizes of the measurements.

    They are tokens at most: a slow machine or a short context gets less.
    """

    pairs: int
    """The number of measurements of modechat and the raw loop, by turns."""
    prompt: int
    reply: int
    turns: int
    """Turns of the growing chat; the mode is switched before every other one."""
    turn: int
    resumes: int
    resume: int
    seconds: float
    """Seconds that one prompt or one reply may take, roughly."""


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
    """Tokens that were evaluated although they had been evaluated before."""
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
    """Modechat's speed, relative to the raw loop's."""
    tg_ratio: float
    first_token_series: tuple[Turn, ...]
    switch_evaluated_tokens: int
    """Tokens that a chat turn evaluates again only because of a task in between."""
    resume_tokens: int
    resume_ratio: float | None
    """The time to the first token of a chat from disk, relative to evaluating one of the same
    length.
    """
    speculation_ratio: float | None
    """Speed with guesses, relative to that without, if the reply copies its input."""
    speculation_other_ratio: float | None
    """The same if nothing is repeated."""
    seconds_load: float
