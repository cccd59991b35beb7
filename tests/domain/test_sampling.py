"""Sampling settings over each other: the user's over the model file's over the defaults."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from modechat.domain.sampling import DEFAULTS, Sampling

settings = st.builds(
    Sampling,
    temperature=st.none() | st.floats(0, 10),
    top_k=st.none() | st.integers(0, 1000),
    top_p=st.none() | st.floats(0.01, 1),
    min_p=st.none() | st.floats(0, 1),
    repeat_penalty=st.none() | st.floats(0.01, 10),
    seed=st.none() | st.integers(0, 2**32 - 2),
    max_tokens=st.none() | st.integers(1, 10_000),
    stop=st.lists(st.text(min_size=1), max_size=3).map(tuple),
)


@given(settings, settings)
def test_each_setting_is_the_own_one_if_it_is_set_and_the_fallbacks_otherwise(
    own: Sampling, fallback: Sampling
) -> None:
    both = own.over(fallback)
    for name in Sampling.model_fields:
        ours = getattr(own, name)
        is_set = ours != () if name == "stop" else ours is not None
        assert getattr(both, name) == (ours if is_set else getattr(fallback, name))


@given(settings, settings, settings)
def test_the_order_of_putting_together_makes_no_difference(
    first: Sampling, second: Sampling, third: Sampling
) -> None:
    assert first.over(second).over(third) == first.over(second.over(third))


def test_zero_counts_as_set() -> None:
    own = Sampling(temperature=0, top_k=0, min_p=0, seed=0)
    assert own.over(Sampling(temperature=1, top_k=9, min_p=0.5, seed=7)) == own


def test_the_fallback_itself_is_not_changed() -> None:
    fallback = Sampling(temperature=1)
    Sampling(temperature=0, stop=("x",)).over(fallback)
    assert fallback == Sampling(temperature=1)


def test_the_defaults_set_everything_that_shapes_the_choice_of_a_token() -> None:
    unset = {name for name, value in DEFAULTS.model_dump().items() if value is None}
    assert unset == {"seed", "max_tokens"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -0.1), ("temperature", 10.1), ("temperature", math.nan), ("temperature", "hot"),
        ("top_k", -1), ("top_k", 1.5), ("top_p", 0), ("top_p", 1.1), ("min_p", -0.1), ("min_p", 1.1),
        ("repeat_penalty", 0), ("repeat_penalty", 11), ("seed", -1), ("seed", 2**32 - 1), ("max_tokens", 0),
        ("stop", "x"), ("heat", 1),
    ],
)  # fmt: skip
def test_senseless_values_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        Sampling.model_validate({name: value})


def test_a_temperature_that_is_nearly_nothing_is_nothing() -> None:
    assert Sampling(temperature=0).is_greedy
    assert Sampling(temperature=1e-30).is_greedy
    assert Sampling(temperature=5e-324).is_greedy
    assert not Sampling(temperature=0.001).is_greedy
