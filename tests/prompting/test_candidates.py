"""The format to try next is the likeliest that was not tried."""

from __future__ import annotations

from modechat.prompting.candidates import likely_formats, next_format
from tests.engine.driver import formats


def all_in_order(leak: str = "", *, has_template: bool = False, current: str = "") -> list[str]:
    tried = [current] if current else []
    found: list[str] = []
    while name := next_format(formats(), [*tried, *found], leak=leak, has_template=has_template):
        found.append(name)
    return found


def test_widespread_formats_come_first() -> None:
    assert all_in_order()[:5] == ["chatml", "alpaca", "vicuna", "llama-2", "human-assistant"]


def test_every_format_for_chats_has_its_turn_once() -> None:
    names = all_in_order()
    assert len(set(names)) == len(names)
    assert set(names) == {named.name for named in formats()} - {"transcript", "completion", "t5"}


def test_formats_with_the_leaked_marker_come_before_all_others() -> None:
    assert all_in_order("[INST]", has_template=True)[0] == "llama-2"
    assert set(all_in_order("<|user|>")[:2]) == {"phi-3", "zephyr"}
    assert all_in_order("### Instruction:")[0] == "alpaca"


def test_the_models_own_template_comes_before_what_is_widespread() -> None:
    assert all_in_order(has_template=True)[0] == "chat-template"
    assert "chat-template" not in all_in_order()


def test_the_current_format_and_those_that_were_tried_are_left_out() -> None:
    assert "chatml" not in all_in_order("<|im_start|>", current="chatml")


def test_an_unknown_marker_changes_nothing() -> None:
    assert all_in_order("<<<[/x]>>>") == all_in_order()


def test_the_format_in_use_comes_before_those_to_try_next() -> None:
    assert likely_formats(formats(), "vicuna", 3) == ("vicuna", "chatml", "alpaca")
    assert likely_formats(formats(), None, 2, has_template=True) == ("chat-template", "chatml")
    assert likely_formats(formats(), "vicuna", 2, leak="[INST]") == ("vicuna", "llama-2")
    assert len(likely_formats(formats(), "vicuna", 100)) == len(formats()) - 3
