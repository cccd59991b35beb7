"""How many examples the property tests try.

Every day a few: enough to find a gross mistake, and quick. `pytest --hypothesis-profile=thorough`
tries all.
"""

from __future__ import annotations

from hypothesis import settings

EVERYDAY = "everyday"
THOROUGH = "thorough"
_DEFAULT = 100
"""Of a property test that does not say how many it wants: what Hypothesis tries without a
profile.
"""
_SHARE = 6
_LEAST = 10


def register_profiles() -> None:
    """Make both profiles known to Hypothesis, and use the one for every day.

    Neither has a deadline: that a machine is busy is no bug.
    """
    settings.register_profile(EVERYDAY, deadline=None, max_examples=_few(_DEFAULT))
    settings.register_profile(THOROUGH, deadline=None, max_examples=_DEFAULT)
    settings.load_profile(EVERYDAY)


def examples(thorough: int) -> int:
    """Return how many examples a test tries that tries `thorough` of them in the thorough
    profile.
    """
    return thorough if is_thorough() else _few(thorough)


def is_thorough() -> bool:
    """Return True if all cases of all tests are wanted."""
    return settings.get_current_profile_name() == THOROUGH


def _few(thorough: int) -> int:
    return max(thorough // _SHARE, _LEAST)
