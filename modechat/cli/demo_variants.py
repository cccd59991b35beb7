"""The demo's replies in a comparison: by prompt format, temperature and seed."""

from __future__ import annotations

from modechat.engine.protocol import Generate
from modechat.engine.scripted import Leak

_HAIKU = (
    "Old pond. A frog leaps.\nWater closes over it.\nSilence, and then rain.",
    "Autumn moonlight falls\non the temple's wooden steps:\na cat licks its paw.",
    "**Snow** on the rooftops,\nfirst smoke of the morning fires.\nSomebody is home.",
    "Keys click in the dark.\nThe model thinks of a word.\nSo do I. We wait.",
)

_CAPITAL = "The capital of France is **Paris**."
_IN_FORMATS: dict[str, str | Leak] = {
    "chat-template": f"{_CAPITAL} It lies on the Seine, and about two million people live there.",
    "chatml": f"{_CAPITAL} It is the largest city of the country:\n\n"
    "- on the river Seine\n- two million people",
    "alpaca": Leak(f"{_CAPITAL}\n\nThe capital of Spain is Madrid.", "### Instruction:"),
    "vicuna": Leak("Paris, I think.", "USER:"),
}
"""A small model's replies to a question by prompt format: in a wrong one it does not stop."""


def reply_in_variant(said: str, request: Generate) -> str | Leak | None:
    """Return the reply of this variant; None if all variants get the same."""
    if "capital" in said:
        return _IN_FORMATS.get(request.format or "chat-template", _CAPITAL)
    if "haiku" in said:
        number = request.sampling.seed
        if number is None:
            number = round((request.sampling.temperature or 0) * 3)
        return _HAIKU[(number + len(request.format or "")) % len(_HAIKU)]
    return None
