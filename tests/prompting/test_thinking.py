"""The switch for thinking is found by what it changes in the prompt."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from modechat.prompting.template import render
from modechat.prompting.thinking import ThinkingControl, ThinkingSwitch, find_control
from tests.conformance.corpus import CORPUS

ON_BY_DEFAULT = "{{ messages[0].content }}{% if enable_thinking is defined and not enable_thinking %}<no>{% endif %}"
OFF_BY_DEFAULT = "{{ messages[0].content }}{% if thinking %}<think>{% endif %}"
NONE = ThinkingControl()


def renderer(template: str) -> Callable[..., str]:
    return partial(render, template, [{"role": "user", "content": "Hello"}], "", "", True)


def control_of(template: str) -> ThinkingControl:
    return find_control(template, renderer(template))


@pytest.mark.parametrize(
    ("template", "control"),
    [
        (ON_BY_DEFAULT, ThinkingControl(ThinkingSwitch.ON, "enable_thinking")),
        (OFF_BY_DEFAULT, ThinkingControl(ThinkingSwitch.OFF, "thinking")),
        ("{{ 'a' if enable_thinking else 'b' }}", ThinkingControl(ThinkingSwitch.OFF, "enable_thinking")),
        ("{{ 'u' if enable_thinking is not defined else enable_thinking }}",
         ThinkingControl(ThinkingSwitch.ON, "enable_thinking")),
        ("{{ messages[0].content }}", NONE),
        ("{# enable_thinking does nothing here #}Hi", NONE),
        ("{{ messages[0].thinking }}", NONE),
        ("", NONE),
    ],
)  # fmt: skip
def test_a_switch_is_what_changes_the_prompt_and_its_state_what_the_prompt_is_untouched(
    template: str, control: ThinkingControl
) -> None:
    assert control_of(template) == control


def test_a_template_that_only_reads_the_thinking_of_messages_has_no_switch() -> None:
    template = "{% for m in messages %}{% if m.thinking %}{{ m.thinking }}{% endif %}{{ m.content }}{% endfor %}"
    assert control_of(template) == NONE


def test_the_second_variable_is_tried_where_the_first_changes_nothing() -> None:
    assert control_of("{# enable_thinking #}" + OFF_BY_DEFAULT).variable == "thinking"


def test_a_template_that_refuses_has_no_switch() -> None:
    assert control_of("{{ enable_thinking }}{{ raise_exception('no') }}") == NONE


def test_a_variable_that_makes_a_template_refuse_is_no_switch() -> None:
    strict = "{% if enable_thinking is defined %}{{ raise_exception('no') }}{% endif %}"
    assert control_of(strict + OFF_BY_DEFAULT).variable == "thinking"


def test_templates_without_the_words_are_not_rendered_at_all() -> None:
    def fail(**_: Any) -> str:
        raise AssertionError

    assert find_control("{{ messages }}", fail) == NONE


def test_other_errors_are_not_swallowed() -> None:
    def fail(**_: Any) -> str:
        raise KeyError

    with pytest.raises(KeyError):
        find_control("enable_thinking", fail)


@pytest.mark.parametrize(
    ("control", "wanted", "variables"),
    [
        (ThinkingControl(ThinkingSwitch.ON, "enable_thinking"), None, {}),
        (ThinkingControl(ThinkingSwitch.ON, "enable_thinking"), False, {"enable_thinking": False}),
        (ThinkingControl(ThinkingSwitch.OFF, "thinking"), True, {"thinking": True}),
        (NONE, True, {}),
        (NONE, None, {}),
    ],
)
def test_the_variable_is_set_only_where_there_is_a_switch_and_a_wish(
    control: ThinkingControl, wanted: bool | None, variables: dict[str, bool]
) -> None:
    assert control.variables(wanted) == variables


# Real templates, of the conformance corpus

REAL = {
    "Qwen-Qwen3-0.6B": "on enable_thinking",
    "Qwen_Qwen3.5-4B": "on enable_thinking",
    "SmolLM3-3B": "on enable_thinking",
    "GLM-5.1": "on enable_thinking",
    "deepseek-v3.1": "off thinking",
    "deepseek-r1_latest": "none",
    "qwq_32b__3f7bca52a0": "none",
    "qwen2.5_0.5b": "none",
    "Llama-3.1-8B-Instruct": "none",
}


@pytest.mark.skipif(
    not (CORPUS / "templates").is_dir(), reason=f"there is no conformance corpus in {CORPUS}"
)
@pytest.mark.parametrize(("name", "expected"), REAL.items())
def test_the_switches_of_real_templates_are_found(name: str, expected: str) -> None:
    (path,) = (CORPUS / "templates").glob(f"*{name}*.jinja")
    template = path.read_text(encoding="utf-8")
    control = control_of(template)
    assert f"{control.switch} {control.variable}".strip() == expected
    if control.switch is not ThinkingSwitch.NONE:
        on, off = (renderer(template)(**control.variables(wanted)) for wanted in (True, False))
        assert (on if control.switch is ThinkingSwitch.ON else off) == renderer(template)()
        assert on != off
