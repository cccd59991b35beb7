"""The fallbacks: as little as possible is changed, in a fixed order, and no text of the user or the
system is lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modechat.prompting.fallbacks import (
    OPENING,
    Messages,
    Rendered,
    lost_text,
    render_with_fallbacks,
)
from modechat.prompting.guard import Guard
from modechat.prompting.prompt_format import AS_IS
from modechat.prompting.renderer import TemplateError, TemplateLimitError
from modechat.prompting.template import render
from tests.tiny_models import CHATML

ROLES = {"s": "system", "u": "user", "a": "assistant"}


def messages_of(roles: str) -> Messages:
    """Messages of these roles (letters of s, u, a) with the texts `s0`, `u1`, `a2` … by their
    places.
    """
    return [
        {"role": ROLES[letter], "content": f"{letter}{place}"} for place, letter in enumerate(roles)
    ]


def show(messages: Messages) -> str:
    return "".join(f"[{message['role'][0]}:{message['content']}]" for message in messages)


def only(accepts: Callable[[Messages], bool]) -> Callable[[Messages], str]:
    """A template that shows all messages, if it accepts them."""

    def template(messages: Messages) -> str:
        if not accepts(messages):
            raise TemplateError(f"no {show(messages)}")
        return show(messages)

    return template


def roles_of(messages: Messages) -> str:
    return "".join(message["role"][0] for message in messages)


def rendered(roles: str, accepts: Callable[[Messages], bool]) -> Rendered:
    return render_with_fallbacks(only(accepts), messages_of(roles))


def in_order(roles: str) -> bool:
    """What strict templates want: a system text first if any, then user and assistant in turn."""
    rest = roles.removeprefix("s")
    return rest == ("ua" * len(rest))[: len(rest)] and rest != ""


# The fallbacks


@pytest.mark.parametrize("roles", ["u", "su", "suau", "uu", "usa", "s", "aus"])
def test_what_a_template_takes_is_not_changed(roles: str) -> None:
    assert rendered(roles, lambda _: True) == Rendered(show(messages_of(roles)), AS_IS)


@pytest.mark.parametrize(
    ("roles", "fallback", "prompt"),
    [
        ("usau", "system text first", "[s:s1][u:u0][a:a2][u:u3]"),
        ("susau", "system text first", "[s:s0\n\ns2][u:u1][a:a3][u:u4]"),
        ("us", "system text first", "[s:s1][u:u0]"),
        ("uu", "messages of one role joined", "[u:u0\n\nu1]"),
        ("suu", "messages of one role joined", "[s:s0][u:u1\n\nu2]"),
        ("ssu", "system text first", "[s:s0\n\ns1][u:u2]"),
        ("uaau", "messages of one role joined", "[u:u0][a:a1\n\na2][u:u3]"),
        ("au", "messages of one role joined", f"[u:{OPENING}][a:a0][u:u1]"),
        ("sau", "messages of one role joined", f"[s:s0][u:{OPENING}][a:a1][u:u2]"),
        ("uus", "system text first, messages of one role joined", "[s:s2][u:u0\n\nu1]"),
        ("s", "system text joined to a user's message", "[u:s0]"),
    ],
)
def test_a_strict_template_gets_the_order_that_it_wants(
    roles: str, fallback: str, prompt: str
) -> None:
    assert rendered(roles, lambda messages: in_order(roles_of(messages))) == Rendered(
        prompt, fallback
    )


@pytest.mark.parametrize(
    ("roles", "fallback", "prompt"),
    [
        ("su", "system text joined to a user's message", "[u:s0\nu1]"),
        ("suau", "system text joined to a user's message", "[u:s0\nu1][a:a2][u:u3]"),
        ("ssu", "system text joined to a user's message", "[u:s0\ns1\nu2]"),
        ("uasu", "system text joined to a user's message", "[u:u0][a:a1][u:s2\nu3]"),
        ("us", "system text joined to a user's message", "[u:u0\ns1]"),
        ("uas", "system text joined to a user's message", "[u:u0\ns2][a:a1]"),
        ("s", "system text joined to a user's message", "[u:s0]"),
        (
            "suu",
            "system text joined to a user's message, messages of one role joined",
            "[u:s0\nu1\n\nu2]",
        ),
        (
            "sau",
            "system text joined to a user's message, messages of one role joined",
            f"[u:{OPENING}][a:a1][u:s0\nu2]",
        ),
    ],
)
def test_a_template_without_a_system_role_gets_its_text_in_a_users_message(
    roles: str, fallback: str, prompt: str
) -> None:
    found = rendered(
        roles, lambda messages: "s" not in roles_of(messages) and in_order(roles_of(messages))
    )
    assert found == Rendered(prompt, fallback)


@pytest.mark.parametrize(
    ("roles", "fallback"),
    [("u", "typed contents"), ("us", "system text first, typed contents")],
)
def test_contents_are_typed_last(roles: str, fallback: str) -> None:
    template = (
        "{% if messages[1:] | selectattr('role', 'equalto', 'system') | list %}{{ raise_exception('late') }}{% endif %}"
        "{% for m in messages %}{{ m.content[0].text }}{% endfor %}"
    )
    found = render_with_fallbacks(
        lambda messages: render(template, messages, None, None, True), messages_of(roles)
    )
    assert found.fallback == fallback
    assert found.text == "".join(sorted(message["content"] for message in messages_of(roles)))


def tried(roles: str) -> list[str]:
    """What a template that refuses everything is asked, in order."""
    asked: list[str] = []

    def refuse(messages: Messages) -> str:
        asked.append(show(messages))
        raise TemplateError("no")

    with pytest.raises(TemplateError):
        render_with_fallbacks(refuse, messages_of(roles))
    return asked


def test_the_fallbacks_are_tried_from_the_top_each_adaptation_once() -> None:
    def typed(text: str) -> str:
        return f"[{{'type': 'text', 'text': {text!r}}}]"

    assert tried("u") == ["[u:u0]", f"[u:{typed('u0')}]"]
    assert tried("us") == [
        "[u:u0][s:s1]",
        "[s:s1][u:u0]",
        "[u:u0\ns1]",
        f"[u:{typed('u0')}][s:{typed('s1')}]",
        f"[s:{typed('s1')}][u:{typed('u0')}]",
        "[u:" + typed("u0\ns1") + "]",
    ]
    assert tried("suus")[:6] == [
        "[s:s0][u:u1][u:u2][s:s3]",
        "[s:s0\n\ns3][u:u1][u:u2]",
        "[u:s0\nu1][u:u2\ns3]",
        "[s:s0][u:u1\n\nu2][s:s3]",
        "[s:s0\n\ns3][u:u1\n\nu2]",
        "[u:s0\nu1\n\nu2\ns3]",
    ]


def test_what_belongs_to_a_message_stays_with_it() -> None:
    messages: Messages = [
        {"role": "user", "content": "u0"},
        {"role": "assistant", "content": "a1"},
        {"role": "assistant", "content": "a2", "thinking": "t"},
        {"role": "user", "content": "u3"},
    ]
    seen: list[Messages] = []

    def template(adapted: Messages) -> str:
        seen.append(adapted)
        return only(lambda adapted: in_order(roles_of(adapted)))(adapted)

    render_with_fallbacks(template, messages)
    assert seen[-1][1] == {"role": "assistant", "content": "a1\n\na2", "thinking": "t"}


def test_the_messages_given_are_not_changed() -> None:
    messages = messages_of("suus")
    with pytest.raises(TemplateError):
        render_with_fallbacks(only(lambda _: False), messages)
    assert messages == messages_of("suus")


# Refusals


def test_the_first_refusal_is_the_reason() -> None:
    with pytest.raises(TemplateError, match=r"^no \[u:u0\]\[s:s1\]$"):
        rendered("us", lambda _: False)


def test_a_text_that_is_left_out_is_the_reason_shortened_and_without_markers() -> None:
    with pytest.raises(TemplateError, match=r"^it leaves out “u0”$"):
        render_with_fallbacks(lambda _: "nothing", messages_of("u"))
    long = Guard(["<s>"]).neutralise("<s>" + 50 * "x")
    with pytest.raises(TemplateError) as refusal:
        render_with_fallbacks(lambda _: "nothing", [{"role": "user", "content": long}])
    assert str(refusal.value) == f"it leaves out “<s>{'x' * 36}…”"


def test_a_limit_is_reported_at_once_and_nothing_else_is_tried() -> None:
    asked = 0

    def slow(_: Messages) -> str:
        nonlocal asked
        asked += 1
        raise TemplateLimitError("too slow")

    with pytest.raises(TemplateLimitError, match="too slow"):
        render_with_fallbacks(slow, messages_of("suus"))
    assert asked == 1


def test_no_messages_are_an_error_or_an_empty_prompt_but_never_a_crash() -> None:
    assert render_with_fallbacks(show, []) == Rendered("", AS_IS)
    with pytest.raises(TemplateError, match="no"):
        render_with_fallbacks(only(lambda _: False), [])


def test_a_template_that_drops_system_texts_silently_does_not_hold() -> None:
    found = render_with_fallbacks(
        lambda messages: show([m for m in messages if m["role"] != "system"]), messages_of("su")
    )
    assert found == Rendered("[u:s0\nu1]", "system text joined to a user's message")


def test_a_template_that_shows_the_last_message_only_does_not_hold() -> None:
    with pytest.raises(TemplateError, match="it leaves out “u0”"):
        render_with_fallbacks(lambda messages: show(messages[-1:]), messages_of("uau"))


# Lost texts


@pytest.mark.parametrize(
    ("rendered", "roles", "lost"),
    [
        ("u0", "u", None),
        ("", "u", "u0"),
        ("s0 u1", "su", None),
        ("u1 s0", "su", None),  # a system text may stand anywhere
        ("u1", "su", "s0"),
        ("u2 u0", "uau", "u2"),
        ("u0 u2", "uau", None),  # templates drop or change what the assistant wrote
    ],
)
def test_texts_are_lost_if_they_do_not_occur_or_the_users_out_of_order(
    rendered: str, roles: str, lost: str | None
) -> None:
    assert lost_text(rendered, messages_of(roles)) == lost


def say(*texts: str) -> Messages:
    return [{"role": ROLES[text[0]], "content": text[2:]} for text in texts]


@pytest.mark.parametrize(
    ("rendered", "messages", "lost"),
    [
        ("<Hi>", say("u:Hi", "u:Hi"), "Hi"),
        ("<Hi><Hi>", say("u:Hi", "u:Hi"), None),
        ("<Hi there>", say("u:Hi", "u:Hi there"), "Hi there"),
        ("<Hi there>", say("u:Hi there", "u:there"), "there"),
        ("<Hi>", say("s:Hi", "u:Hi"), "Hi"),
        ("<Hi><Hi>", say("s:Hi", "u:Hi"), None),
        ("<Hi there>", say("s:Hi", "u:Hi there"), "Hi"),
        ("<Hi there><Hi>", say("s:Hi", "u:Hi there"), None),
        ("<Hi there><Hi>", say("s:Hi there", "u:Hi"), None),
        ("<Hi there>\n<Hi>", say("s:Hi there", "s:Hi", "u:there"), "there"),
        # Replies may be changed or left out: what stands in them does not count.
        ("<u><I say Hi too><u>", say("s:Hi", "u:u", "a:I say Hi too", "u:u"), None),
        ("<Hi><u><I say Hi too><u>", say("s:Hi", "u:u", "a:I say Hi too", "u:u"), None),
        ("<Hi><u>", say("s:Hi", "u:u", "a:Hi"), None),
        (
            "<think><|im_end|><ink><|i>",
            say("u:think>", "u:ink><|i"),
            None,
        ),  # one that also spans the template's text
        ("<ababa>", say("s:aba", "u:ba"), None),
        ("<  Hi  >", say("u: Hi\n"), None),
        ("<x>", say("s: ", "u:x"), None),
    ],
)
def test_one_text_does_not_stand_for_another(
    rendered: str, messages: Messages, lost: str | None
) -> None:
    assert lost_text(rendered, messages) == lost


texts = st.text(st.sampled_from("ab <|>\n"), min_size=1, max_size=6)
conversations = st.lists(st.tuples(st.sampled_from("sua"), texts), min_size=1, max_size=6)


@given(parts=conversations)
@example(parts=[("s", "a"), ("u", "a"), ("s", "a")])
def test_a_template_that_writes_every_text_once_loses_none(parts: list[tuple[str, str]]) -> None:
    messages: Messages = [{"role": ROLES[letter], "content": text} for letter, text in parts]
    assert lost_text("".join(f"{{{message['content']}}}" for message in messages), messages) is None
    assert lost_text("".join(message["content"] for message in messages), messages) is None


@given(parts=conversations, data=st.data())
def test_a_template_that_leaves_out_a_message_of_the_user_or_the_system_is_caught(
    parts: list[tuple[str, str]], data: st.DataObject
) -> None:
    messages: Messages = [
        {"role": ROLES[letter], "content": text} for letter, text in parts if text.strip()
    ]
    needed = [place for place, message in enumerate(messages) if message["role"] != "assistant"]
    if needed:
        out = data.draw(st.sampled_from(needed))
        shown = [m for place, m in enumerate(messages) if place != out and m["role"] != "assistant"]
        rendered = "".join(f"{{{message['content']}}}" for message in shown)
        assert lost_text(rendered, [m for m in messages if m["role"] != "assistant"]) is not None


@given(parts=conversations)
def test_any_conversation_is_rendered_with_a_real_template_and_nothing_is_lost(
    parts: list[tuple[str, str]],
) -> None:
    guard = Guard(["<|", "|>"])
    raw: list[dict[str, Any]] = [{"role": ROLES[letter], "content": text} for letter, text in parts]
    messages = [guard.neutralise_message(message) for message in raw]
    found = render_with_fallbacks(
        lambda adapted: render(CHATML, adapted, None, None, True), messages
    )
    assert found.fallback == AS_IS
    assert lost_text(found.text, messages) is None


# Replies


def test_a_fallback_that_keeps_the_replies_is_better_than_one_above_it_that_drops_them() -> None:
    def template(messages: Messages) -> str:
        """Drops replies unless the conversation begins with a user's message."""
        return show(
            [m for m in messages if m["role"] != "assistant" or messages[0]["role"] == "user"]
        )

    assert render_with_fallbacks(template, messages_of("suau")) == Rendered(
        "[u:s0\nu1][a:a2][u:u3]", "system text joined to a user's message"
    )


def test_a_template_that_always_drops_replies_is_used_as_it_is() -> None:
    found = render_with_fallbacks(
        lambda messages: show([m for m in messages if m["role"] != "assistant"]),
        messages_of("suau"),
    )
    assert found == Rendered("[s:s0][u:u1][u:u3]", AS_IS)


@pytest.mark.parametrize(
    "form", [str, json.dumps, lambda content: json.dumps(content, separators=(",", ":"))]
)
def test_typed_contents_that_a_template_shows_as_code_are_refused(
    form: Callable[[Any], str],
) -> None:
    def render(messages: list[dict[str, Any]]) -> str:
        content = messages[-1]["content"]
        if isinstance(content, str):
            raise TemplateError("no")
        return form(content)

    with pytest.raises(TemplateError, match="no"):
        render_with_fallbacks(render, [{"role": "user", "content": "Hi"}])
