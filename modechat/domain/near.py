"""Which known name somebody may have meant who wrote another one.

Only names that are near enough, and those that other programs have for the same: a wrong guess misleads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_NEAR = 0.7  # of difflib's ratio: below, names have little more in common than some letters
_SHORTEST_BEGINNING = 2
_MOST = 3

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
"""What other programs call the settings and options."""


def near(
    word: str, known: Iterable[str], meant: Mapping[str, str] = SETTING_WORDS
) -> tuple[str, ...]:
    """The names among `known` that `word` may stand for, the likeliest first; none if nothing is near.

    `meant`: names that people know from elsewhere, with ours.
    """
    import difflib  # not before the first frame

    names = sorted(known)
    wanted = word.casefold().replace("-", "_")
    if meant.get(wanted) in names:
        return (meant[wanted],)
    begins = [
        name
        for name in names
        if len(wanted) >= _SHORTEST_BEGINNING and name.casefold().startswith(wanted)
    ]
    if begins:
        return tuple(begins[:_MOST])
    same_letters = [name for name in names if _letters(name) == _letters(wanted)]
    close = same_letters or difflib.get_close_matches(wanted, names, n=_MOST, cutoff=_NEAR)
    return tuple(close or (name for name in names if wanted in name.casefold().split("_")))[:_MOST]


def _letters(name: str) -> list[str]:
    """Those that two names have in common that differ in order or in signs only."""
    return sorted(name.casefold().replace("-", "").replace("_", ""))


def did_you_mean(names: Iterable[str], known: Iterable[str] = ()) -> str:
    """The question whether one of `names` was meant; if there are none, all that are `known`."""
    if found := " or ".join(names):
        return f"Did you mean {found}?"
    shown = ", ".join(known)
    return f"There are: {shown}." if shown else ""
