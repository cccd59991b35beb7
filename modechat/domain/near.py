"""Finds the known names that a user may have meant with an unknown one.

It finds names that are similar enough, and names of the same thing in other programs. It offers no
others, because a wrong guess misleads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_MIN_RATIO = 0.7  # of difflib: names with a lower ratio share little more than some letters
_MIN_BEGINNING = 2
_MAX_NAMES = 3

SETTING_WORDS = {
    "context": "n_ctx",
    "context_length": "n_ctx",
    "context_size": "n_ctx",
    "ctx": "n_ctx",
    "ctx_size": "n_ctx",
    "frequency_penalty": "repeat_penalty",
    "gpu": "n_gpu_layers",
    "gpu_layers": "n_gpu_layers",
    "length": "max_tokens",
    "max_length": "max_tokens",
    "max_new_tokens": "max_tokens",
    "model_path": "model",
    "n_predict": "max_tokens",
    "ngl": "n_gpu_layers",
    "num_ctx": "n_ctx",
    "num_predict": "max_tokens",
    "penalty": "repeat_penalty",
    "random_seed": "seed",
    "repetition_penalty": "repeat_penalty",
    "stop_sequences": "stop",
    "sys": "chat_system",
    "system": "chat_system",
    "system_prompt": "chat_system",
    "template": "format",
    "temp": "temperature",
    "threads": "n_threads",
    "tmp": "temperature",
}
"""Names of settings and options in other programs, with ours."""


def near(
    word: str, known: Iterable[str], meant: Mapping[str, str] = SETTING_WORDS
) -> tuple[str, ...]:
    """Return the names among `known` that `word` may stand for, the likeliest first.

    `meant` maps names that people know from elsewhere to ours.
    """
    import difflib  # not before the first frame

    names = sorted(known)
    wanted = word.casefold().replace("-", "_")
    if meant.get(wanted) in names:
        return (meant[wanted],)
    found: list[str] = []
    if len(wanted) >= _MIN_BEGINNING:
        found = [name for name in names if name.casefold().startswith(wanted)]
    if not found:
        found = [name for name in names if _letters(name) == _letters(wanted)]
    if not found:
        found = difflib.get_close_matches(wanted, names, n=_MAX_NAMES, cutoff=_MIN_RATIO)
    if not found:
        found = [name for name in names if wanted in name.casefold().split("_")]
    return tuple(found[:_MAX_NAMES])


def _letters(name: str) -> list[str]:
    """Return the sorted letters: equal for names that differ only in order or in signs."""
    return sorted(name.casefold().replace("-", "").replace("_", ""))


def did_you_mean(names: Iterable[str], known: Iterable[str] = ()) -> str:
    """Return the question whether one of `names` was meant.

    If there are none, list all `known` ones.
    """
    found = " or ".join(names)
    if found:
        return f"Did you mean {found}?"
    shown = ", ".join(known)
    return f"There are: {shown}." if shown else ""
