"""The status line fits into any width and says the most important things longest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from modechat.domain.conversation import ReplyStats
from modechat.domain.placement import Placement, WhyCPU
from modechat.engine.scripted import MODEL
from modechat.prompting.thinking import ThinkingSwitch
from modechat.tui.widgets.status_line import FormatShown, Status, fit, painted, status_segments

STATS = ReplyStats("chat-template", "gguf", 300, 12, 42, 0.19, 78.4, 1)


def line(width: int, **changes: object) -> str:
    name = "SmolLM2-135M-Instruct.Q4_1"
    shown = {
        "model": MODEL.model_copy(update={"name": name}),
        "stats": STATS,
        "used": 342,
        **changes,
    }
    status = Status(**shown)  # type: ignore[arg-type]
    return painted(fit(status_segments(status), width)).plain


def test_a_wide_line_has_everything() -> None:
    assert line(120) == (
        "❯ chat · SmolLM2-135M-Instruct.Q4_1 · chat-template (gguf) · 342/4,096 · 78 tok/s · 0.19 s · CPU"
    )


def test_a_narrow_line_shortens_the_name_first_and_keeps_the_speed() -> None:
    assert (
        line(86)
        == "❯ chat · SmolLM2-135M-In… · chat-template (gguf) · 342/4,096 · 78 tok/s · 0.19 s · CPU"
    )
    assert (
        line(80)
        == "❯ chat · SmolLM2-135M-Instr… · chat-template (gguf) · 342/4,096 · 78 tok/s · CPU"
    )
    assert "78 tok/s" in line(40)
    assert "tok/s" in line(12)


def test_a_context_is_never_fuller_than_full() -> None:
    assert " · 300/300 · " in line(120, model=MODEL.model_copy(update={"n_ctx": 300}))


def test_the_fallback_is_shown_where_the_format_needed_one() -> None:
    rendered = FormatShown("chat-template", "gguf", "system text joined to a user's message")
    assert " · chat-template (gguf) · system text joined to a user's… · " in line(
        160, format=rendered
    )
    assert line(120, format=FormatShown("chat-template", "gguf", "as is")) == line(120)
    assert "joined" not in line(80, format=rendered)


def test_the_format_of_the_last_reply_is_shown_and_texts_of_others_are_harmless() -> None:
    assert " · own [/x] ␛[2J (user file) · " in line(
        120, format=FormatShown("own [/x] \x1b[2J", "user file")
    )


def test_thinking_is_shown_where_the_user_chose_and_the_template_has_a_switch() -> None:
    model = MODEL.model_copy(update={"thinking": ThinkingSwitch.ON})
    assert " · thinking off · " in line(120, model=model, thinking=False)
    assert " · thinking on · " in line(120, model=model, thinking=True)
    assert "thinking" not in line(120, model=model)
    assert "thinking" not in line(120, thinking=True)


def test_thinking_is_still_shown_where_the_name_is_shortened() -> None:
    model = MODEL.model_copy(
        update={"name": "SmolLM2-135M-Instruct.Q4_1", "thinking": ThinkingSwitch.ON}
    )
    shortened = line(95, model=model, thinking=True)
    assert shortened.startswith("❯ chat · SmolLM2-135M-Instru… · ")
    assert " · thinking on · " in shortened


def test_the_reason_for_the_device_goes_before_anything_else_is_shortened() -> None:
    model = MODEL.model_copy(
        update={"name": "SmolLM2", "placement": Placement(why_cpu=WhyCPU.NO_SUPPORT)}
    )
    assert line(120, model=model).endswith(" · 0.19 s · CPU: this build has no GPU support")
    assert (
        line(100, model=model)
        == "❯ chat · SmolLM2 · chat-template (gguf) · 342/4,096 · 78 tok/s · 0.19 s · CPU"
    )
    on_gpu = MODEL.model_copy(update={"placement": Placement(28, 28, 3_330_000_000)})
    assert line(120, model=on_gpu).endswith(" · GPU 28/28 · 3.33 GB")


@given(
    width=st.integers(0, 200),
    loading=st.none() | st.floats(0, 1),
    activity=st.sampled_from(["", "thinking"]),
)
def test_it_is_never_too_long(width: int, loading: float | None, activity: str) -> None:
    assert cell_len(line(width, loading=loading, activity=activity)) <= width


def test_a_model_whose_memory_was_given_back_is_said_to_be_unloaded() -> None:
    status = Status(model=MODEL, is_unloaded=True, stats=None)
    texts = [segment.text for segment in status_segments(status)]
    assert "unloaded until the next message" in texts
    assert MODEL.name in texts
