"""LoRA adapters as users name them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.domain.lora import lora_label, read_scaled


@pytest.mark.parametrize(
    ("text", "file", "scale"),
    [
        ("tone.gguf", "tone.gguf", 1.0),
        ("tone.gguf:0.5", "tone.gguf", 0.5),
        ("tone.gguf:.5", "tone.gguf", 0.5),
        ("tone.gguf:-1", "tone.gguf", -1.0),
        ("tone.gguf:0", "tone.gguf", 0.0),
        ("tone.gguf:1e-2", "tone.gguf", 0.01),
        ("tone.gguf:1e31", "tone.gguf:1e31", 1.0),
        ("tone.gguf:1e400", "tone.gguf:1e400", 1.0),
        (r"C:\loras\tone.gguf", r"C:\loras\tone.gguf", 1.0),
        (r"C:\loras\tone.gguf:2", r"C:\loras\tone.gguf", 2.0),
        ("of: me.gguf", "of: me.gguf", 1.0),
        ("of:1:2", "of:1", 2.0),
        ("tone.gguf:", "tone.gguf:", 1.0),
        ("tone.gguf:nan", "tone.gguf:nan", 1.0),
        ("tone.gguf:inf", "tone.gguf:inf", 1.0),
        (":1", ":1", 1.0),
        ("", "", 1.0),
    ],
)
def test_only_a_number_after_the_last_colon_is_a_scale(text: str, file: str, scale: float) -> None:
    assert read_scaled(text) == (file, scale)


@given(
    st.text(
        min_size=1,
        alphabet=st.characters(exclude_characters="\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"),
    ),
    st.floats(-1e9, 1e9),
)
def test_a_scale_is_read_as_it_was_written_whatever_the_name(name: str, scale: float) -> None:
    assert read_scaled(f"{name}:{scale!r}") == (name, scale)


def test_it_is_shown_by_its_name_and_a_scale_other_than_one() -> None:
    assert lora_label("/loras/tone.gguf", 1.0) == "tone"
    assert lora_label("/loras/tone.gguf", 0.5) == "tone ×0.5"
