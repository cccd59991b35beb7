"""Strangers' templates render in a process with limits: none hangs, fills the memory or ends a
conversation.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from modechat.engine.sandbox.client import TemplateSandbox
from modechat.paths import prompts_folder
from modechat.prompting.renderer import TemplateError, TemplateLimitError
from modechat.prompting.template import render
from tests.tiny_models import CHATML

SECONDS = 0.5
MEMORY_BYTES = 256 << 20
WAIT_SECONDS = 20
HELLO = [{"role": "user", "content": "Hello"}]
CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "<b>Häll\u00f6</b> & 'you' 🦙\u2028"},
    {"role": "assistant", "content": "Hi\n\n\ttoo"},
    {"role": "user", "content": ""},
]
STRICT = """{{ bos_token }}{% set ns = namespace(system='') %}{% for message in messages %}
{%- if message.role == 'system' %}{% set ns.system = message.content %}{% continue %}{% endif %}
{%- if (message.role == 'user') != (loop.index0 % 2 == 0) %}
{{- raise_exception('Rôles must “alternate”: ' ~ message.role) }}{% endif %}
{{- '[INST] ' + ns.system + message.content | trim + ' [/INST]' }}{% endfor %}"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[TemplateSandbox]:
    with closing(TemplateSandbox(seconds=SECONDS, memory_bytes=MEMORY_BYTES)) as sandbox:
        yield sandbox


def rendered(sandbox: TemplateSandbox, template: str, **variables: Any) -> str:
    return sandbox(template, HELLO, "<s>", "</s>", add_generation_prompt=True, **variables)


def assert_still_works(sandbox: TemplateSandbox) -> None:
    assert (
        rendered(sandbox, "{{ bos_token }}You said {{ messages[0].content }}")
        == "<s>You said Hello"
    )


def process_of(sandbox: TemplateSandbox) -> psutil.Process:
    assert sandbox.process_id is not None
    return psutil.Process(sandbox.process_id)


@contextmanager
def watched(process_id: int) -> Iterator[int]:
    """A handle that Linux makes readable when the process ends, also if that is not ours to wait
    for.
    """
    handle = os.pidfd_open(process_id)
    try:
        yield handle
    finally:
        os.close(handle)


def has_ended(handle: int, *, within: float) -> bool:
    return bool(select.select([handle], [], [], within)[0])


# Honest templates


@pytest.mark.parametrize(
    "path", sorted((prompts_folder() / "formats").glob("*.toml")), ids=lambda path: str(path.stem)
)
@pytest.mark.parametrize("add_generation_prompt", [True, False], ids=["prompt", "no prompt"])
def test_the_formats_render_as_they_do_without_a_sandbox(
    sandbox: TemplateSandbox, path: Path, add_generation_prompt: bool
) -> None:
    template = tomllib.loads(path.read_text(encoding="utf-8"))["chat_template"]
    arguments = (template, CHAT, "<s>", "</s>", add_generation_prompt)
    assert sandbox(*arguments) == render(*arguments)


def test_a_template_that_refuses_says_the_same_as_without_a_sandbox(
    sandbox: TemplateSandbox,
) -> None:
    refused = (STRICT, [*HELLO, *HELLO], "<s>", None, True)
    with pytest.raises(TemplateError) as expected:
        render(*refused)
    with pytest.raises(TemplateError) as error:
        sandbox(*refused)
    assert str(error.value) == str(expected.value) == "Rôles must “alternate”: user"
    assert not isinstance(error.value, TemplateLimitError)


@pytest.mark.parametrize(
    "template", ["{% if %}", "{{ x | nonesuch }}", "{{ messages[7].content }}", "{{ 1 / 0 }}"]
)
def test_a_broken_template_fails_with_the_same_words(
    sandbox: TemplateSandbox, template: str
) -> None:
    with pytest.raises(TemplateError) as expected:
        render(template, HELLO, None, None, True)
    with pytest.raises(TemplateError) as error:
        rendered(sandbox, template)
    assert str(error.value) == str(expected.value)


def test_the_clock_and_other_variables_reach_the_template(sandbox: TemplateSandbox) -> None:
    template = "{{ strftime_now('%d %b %Y') }} {{ tools | tojson }} {{ now is defined }}"
    tools = [{"name": "é", "strict": None}]
    assert rendered(sandbox, template, now="2026-01-31T23:59:58+01:00", tools=tools) == (
        '31 Jan 2026 [{"name": "é", "strict": null}] False'
    )


def test_a_clock_that_shows_no_time_is_an_error_and_the_process_lives_on(
    sandbox: TemplateSandbox,
) -> None:
    with pytest.raises(TemplateError, match="Invalid isoformat"):
        rendered(sandbox, "", now="tomorrow")
    assert_still_works(sandbox)


@pytest.mark.parametrize(
    "text", ["\ufdd0", "\ud800", chr(0xD83D) + chr(0xDE00), "\0\r\n\x85\u2028", "\ufeff"]
)
def test_every_text_passes_through_unchanged(sandbox: TemplateSandbox, text: str) -> None:
    messages = [{"role": "user", "content": text}]
    template = f"{text}{{{{ messages[0].content }}}}"
    assert sandbox(template, messages, None, None, True) == render(
        template, messages, None, None, True
    )
    with pytest.raises(TemplateError) as error:
        sandbox("{{ raise_exception(messages[0].content) }}", messages, None, None, True)
    assert str(error.value) == text


def test_a_long_conversation_is_no_limit(sandbox: TemplateSandbox) -> None:
    messages = [{"role": "user", "content": "x" * 1_000_000}] * 5
    assert sandbox(CHATML, messages, None, None, True) == render(CHATML, messages, None, None, True)


# Hostile templates

LIMIT, ERROR, TEXT = "is ended", "fails", "renders little"
CYCLES = "{% set ns = namespace(x=['x']) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}"
DEEP = (
    "{% set ns = namespace(x=[]) %}{% for i in range(50000) %}{% set ns.x = [ns.x] %}{% endfor %}"
)
HOSTILE = {
    # Time
    "nested loops": (
        LIMIT,
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    ),
    "a power at compile time": (LIMIT, "{{ 7 ** 99999999 }}"),
    "a power that is not a constant": (LIMIT, "{{ (messages | length + 6) ** 99999999 }}"),
    "squares of squares": (
        LIMIT,
        "{% set ns = namespace(x=7) %}{% for i in range(60) %}{% set ns.x = ns.x * ns.x %}{% endfor %}",
    ),
    "lorem ipsum": (LIMIT, "{{ lipsum(n=3000000) }}"),
    "a macro that calls itself twice": (
        LIMIT,
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    ),
    "a recursive loop that spreads": (
        LIMIT,
        "{% for x in range(9) recursive %}{{ loop(range(9)) if loop.depth < 30 }}{% endfor %}",
    ),
    "wrapping": (LIMIT, "{{ ('x ' * 5000000) | wordwrap(1) }}"),
    "links": (LIMIT, "{{ ('http://a.b/ ' * 300000) | urlize }}"),
    "a sum of lists": (LIMIT, "{{ ([range(1000) | list] * 10000) | sum(start=[]) | length }}"),
    "exponential JSON": (LIMIT, CYCLES + "{{ ns.x | tojson }}"),
    # Memory
    "string multiplication": (LIMIT, "{{ 'a' * 10 ** 10 }}"),
    "multiplication of a message": (LIMIT, "{{ messages[0].content * 10 ** 10 }}"),
    "list multiplication": (LIMIT, "{{ [0] * 10 ** 10 }}"),
    "a huge join": (LIMIT, "{{ range(99999) | join('x' * 100000) }}"),
    "doubling": (
        LIMIT,
        "{% set ns = namespace(x='x') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
    ),
    "centering": (LIMIT, "{{ 'x' | center(10 ** 10) }}"),
    "the width of a format": (LIMIT, "{{ '{:>{}}'.format('x', 10 ** 10) }}"),
    "the width of a %": (LIMIT, "{{ '%10000000000d' % 1 }}"),
    "the width of the format filter": (LIMIT, "{{ '%10000000000s' | format('x') }}"),
    "a replacement": (LIMIT, "{{ ('x' * 10 ** 6) | replace('x', 'y' * 10 ** 6) }}"),
    "tabs": (LIMIT, "{{ ('\t' * 100000).expandtabs(10 ** 6) }}"),
    "batches": (LIMIT, "{{ [1] | batch(10 ** 10, 0) | list }}"),
    "the indent of JSON": (LIMIT, "{{ [[1]] | tojson(indent=10 ** 9) }}"),
    "a filter around text": (LIMIT, "{% filter center(10000000000) %}x{% endfilter %}"),
    # Output
    "100 MB of output": (
        LIMIT,
        "{% set x = 'x' * 10000 %}{% for i in range(10000) %}{{ x }}{% endfor %}",
    ),
    "much from few bytes": (LIMIT, "{{ messages[0].content | center(1000000) }}"),
    "a huge reason": (ERROR, "{{ raise_exception('x' * 10 ** 7) }}"),
    "a template of 300 kB": (LIMIT, "x" * 300_000),
    # Depth
    "a macro that calls itself": (ERROR, "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"),
    "a loop without end": (ERROR, "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}"),
    "a block in itself": (ERROR, "{% block a %}{{ self.a() }}{% endblock %}"),
    "brackets without end": (ERROR, "{{ " + "(" * 100_000),
    "deep brackets": (ERROR, "{{ " + "[" * 100_000 + "]" * 100_000 + " }}"),
    "many nots": (ERROR, "{{ " + "not " * 60_000 + "1 }}"),
    "deep ifs": (ERROR, "{% if x %}" * 10_000 + "{% endif %}" * 10_000),
    "deep JSON": (ERROR, DEEP + "{{ ns.x | tojson }}"),
    "deep lists": (ERROR, DEEP + "{{ ns.x }}"),
    "deep lists that are only freed": (TEXT, DEEP),
    "a value inside of itself": (TEXT, "{% set ns = namespace() %}{% set ns.x = [ns] %}{{ ns }}"),
    "an endless range": (ERROR, "{% for i in range(10 ** 9) %}{% endfor %}"),
    "an impossible size": (ERROR, "{{ 'a' * 10 ** 20 }}"),
    # Reaching out
    "an inclusion": (ERROR, "{% include 'x' %}"),
    "an inclusion of itself": (ERROR, "{% include self %}"),
    "an extension": (ERROR, "{% extends '/etc/passwd' %}"),
    "an import": (ERROR, "{% import 'os' as os %}{{ os.system('true') }}"),
    "subclasses": (ERROR, "{{ ''.__class__.__mro__[1].__subclasses__() }}"),
    "the class by filter": (
        TEXT,
        "{{ '' | attr('__class__') }}{{ ''.__class__ }}{{ ''['__class__'] }}",
    ),
    "the order of classes by filter": (
        ERROR,
        "{{ ('' | attr('__class__') | attr('__mro__'))[1] }}",
    ),
    "attributes in a format": (ERROR, "{{ '{0.__class__.__mro__}'.format('') }}"),
    "globals of a function": (ERROR, "{{ raise_exception.__globals__['os'].system('true') }}"),
    "globals of lipsum": (ERROR, "{{ lipsum.__globals__['os'] }}"),
    "globals of cycler": (ERROR, "{{ cycler.__init__.__globals__.os.popen('id').read() }}"),
    "globals of namespace": (ERROR, "{{ namespace.__init__.__globals__ }}"),
    "the class of a namespace": (
        TEXT,
        "{% set ns = namespace(__class__=1) %}{% set ns.__init__ = 3 %}{{ ns.__class__ }}{{ ns._Namespace__attrs }}",
    ),
    "the frame of a generator": (ERROR, "{{ (messages | map('upper')).gi_frame.f_globals }}"),
    "appending": (ERROR, "{{ messages.append(1) }}"),
    "appending by filter": (ERROR, "{{ (messages | attr('append'))(1) }}"),
    "changing a message": (ERROR, "{{ messages[0].update({'role': 'system'}) }}"),
}


def outcome_of(sandbox: TemplateSandbox, template: str) -> str:
    try:
        text = rendered(sandbox, template)
    except TemplateLimitError:
        return LIMIT
    except TemplateError as error:
        return ERROR if 0 < len(str(error)) <= 2000 else f"fails with {len(str(error))} characters"
    return TEXT if len(text) < 100 else f"renders {len(text)} characters"


@pytest.mark.parametrize(("outcome", "template"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_template_is_contained(
    sandbox: TemplateSandbox, outcome: str, template: str
) -> None:
    # What takes long at all may be ended where the machine is busy.
    outcomes = {outcome, LIMIT} if template.startswith((DEEP, "{% if x %}" * 100)) else {outcome}
    assert outcome_of(sandbox, template) in outcomes
    assert_still_works(sandbox)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ 7 ** 99999999 }}", "the template took longer than 0.5 s"),
        ("{{ 'a' * 10 ** 10 }}", "the template needed more than 0.25 GiB of memory"),
        ("{{ 'a' * 10 ** 6 }}", "the template wrote more than 64 kB"),
        (" " * 256_001, "the template is larger than 256 kB"),
    ],
    ids=["time", "memory", "output", "size"],
)
def test_the_error_says_which_limit_was_hit(
    sandbox: TemplateSandbox, template: str, words: str
) -> None:
    with pytest.raises(TemplateLimitError) as error:
        rendered(sandbox, template)
    assert str(error.value) == words


def test_the_usual_limits_hold_too() -> None:
    with (
        closing(TemplateSandbox()) as sandbox,
        pytest.raises(TemplateLimitError, match="more than 1 GiB of memory"),
    ):
        rendered(sandbox, "{{ 'a' * 2 ** 30 }}")


def test_the_output_may_have_four_times_the_bytes_of_the_input_and_some_more(
    sandbox: TemplateSandbox,
) -> None:
    messages = [{"role": "user", "content": "é" * 100_000}]
    assert len(sandbox("{{ messages[0].content * 4 }}", messages, None, None, True)) == 400_000
    with pytest.raises(TemplateLimitError, match="wrote more than"):
        sandbox("{{ messages[0].content * 5 }}", messages, None, None, True)


# The process


def test_one_process_renders_one_template_after_the_other(sandbox: TemplateSandbox) -> None:
    sandbox.start()
    process_id = sandbox.process_id
    sandbox.start()
    assert_still_works(sandbox)
    with pytest.raises(TemplateError):
        rendered(sandbox, "{{ raise_exception('no') }}")
    assert_still_works(sandbox)
    assert sandbox.process_id == process_id


def test_closing_leaves_no_process_behind() -> None:
    before = psutil.Process().children()
    with closing(TemplateSandbox(seconds=SECONDS)) as sandbox:
        assert_still_works(sandbox)
        assert len(psutil.Process().children()) == len(before) + 1
        with pytest.raises(TemplateLimitError):
            rendered(sandbox, "{{ 7 ** 99999999 }}")
        assert psutil.Process().children() == before
        sandbox.start()
    assert psutil.Process().children() == before
    assert sandbox.process_id is None
    sandbox.close()


def test_the_call_after_a_kill_starts_another_process(sandbox: TemplateSandbox) -> None:
    sandbox.start()
    process = process_of(sandbox)
    with watched(process.pid) as handle:
        process.kill()
        assert has_ended(handle, within=WAIT_SECONDS)
    assert_still_works(sandbox)
    assert sandbox.process_id != process.pid


def test_a_call_that_was_interrupted_leaves_no_answer_for_the_next(
    sandbox: TemplateSandbox,
) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(*_: object) -> None:
        raise Interrupted

    assert_still_works(sandbox)
    usual = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(Interrupted):
            rendered(sandbox, "{{ 7 ** 99999999 }}")
    finally:
        signal.signal(signal.SIGALRM, usual)
    assert_still_works(sandbox)


def test_an_interrupt_of_the_terminal_does_not_end_the_process(sandbox: TemplateSandbox) -> None:
    assert_still_works(sandbox)
    process = process_of(sandbox)
    process.send_signal(signal.SIGINT)
    assert_still_works(sandbox)
    assert sandbox.process_id == process.pid
    assert os.getsid(process.pid) == process.pid


def test_the_process_ends_when_its_input_does() -> None:
    command = [sys.executable, "-P", "-m", "modechat.engine.sandbox", "5", str(1 << 30)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready 0\n"
        process.stdin.close()
        assert process.wait(WAIT_SECONDS) == 0


def test_the_process_ends_by_itself_when_its_parent_is_killed_while_a_template_computes() -> None:
    script = (
        "from modechat.engine.sandbox.client import TemplateSandbox\n"
        "sandbox = TemplateSandbox(seconds=1.5)\n"
        "sandbox('', [], None, None, True)\n"
        "print(sandbox.process_id, flush=True)\n"
        "sandbox('{{ 7 ** 99999999 }}', [], None, None, True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        process = psutil.Process(int(parent.stdout.readline()))
        with watched(process.pid) as handle:
            idle = process.cpu_times().user
            while process.cpu_times().user < idle + 0.1:
                assert not has_ended(handle, within=0.02)
            parent.kill()
            parent.wait()
            assert not has_ended(handle, within=0.1), (
                "the process did not compute: it saw the end of its input"
            )
            assert has_ended(handle, within=WAIT_SECONDS)


def test_the_process_loads_no_more_than_it_needs() -> None:
    for_the_process = loaded_modules("modechat.engine.sandbox.__main__")
    assert {name for name in for_the_process if name.startswith("modechat.")} == {
        "modechat.engine",
        "modechat.engine.sandbox",
        "modechat.engine.sandbox.__main__",
        "modechat.prompting",
        "modechat.prompting.renderer",
        "modechat.prompting.template",
    }
    heavy = {"llama_cpp", "numpy", "pydantic", "textual", "rich", "asyncio", "subprocess"}
    assert not heavy & for_the_process
    assert not {*heavy, "jinja2"} - {"subprocess"} & loaded_modules(
        "modechat.engine.sandbox.client"
    )


def loaded_modules(module: str) -> set[str]:
    code = f"import sys, json, {module}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


# A process that does what none should

MISBEHAVIOURS = {
    "never starts": ("sys.exit(3)", TemplateError, "did not start: exit code 3"),
    "writes without end": ("while True: print('x' * 10000)", TemplateError, "did not start"),
    "never reads": ("ready(); signal.pause()", TemplateLimitError, "took longer than 0.5 s"),
    "dies before it reads": (
        "ready(); os.kill(os.getpid(), signal.SIGSEGV)",
        TemplateLimitError,
        "died: SIGSEGV",
    ),
    "dies": ("ready(); read(); sys.exit(3)", TemplateLimitError, "died: exit code 3"),
    "closes its output": (
        "ready(); read(); os.close(1); signal.pause()",
        TemplateLimitError,
        "died",
    ),
    "announces too much": (
        "ready(); read(); print('text 9999999999')\nwhile True: print('x')",
        TemplateLimitError,
        "died",
    ),
    "ends in the middle": (
        "ready(); read(); print('text 9'); print('x')",
        TemplateLimitError,
        "died: exit code 0",
    ),
    "answers nonsense": (
        "ready(); read(); print('nonsense 0', flush=True); signal.pause()",
        TemplateLimitError,
        "answered with 'nonsense'",
    ),
}
PROGRAM = """#!{python}
import os, signal, sys
def ready(): print("ready 0", flush=True)
def read(): sys.stdin.readline()
{code}
"""


@pytest.mark.parametrize(
    ("code", "error", "words"), MISBEHAVIOURS.values(), ids=MISBEHAVIOURS.keys()
)
def test_whatever_the_process_does_is_an_error(
    code: str,
    error: type[TemplateError],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = tmp_path / "python"
    program.write_text(PROGRAM.format(python=sys.executable, code=code))
    program.chmod(0o700)
    long_text = [{"role": "user", "content": "x" * 1_000_000}]  # more than a pipe holds
    with closing(TemplateSandbox(seconds=SECONDS)) as sandbox:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", str(program))
            with pytest.raises(error, match=words):
                sandbox("", long_text, None, None, True)
        assert_still_works(sandbox)


SLOW = "{% for a in range(RANGE) %}{% for b in range(1000) %}{% endfor %}{% endfor %}{{ messages[0].content }}"


def slow(seconds: float) -> str:
    """A template that takes about so long."""
    trial = SLOW.replace("RANGE", "300")
    with closing(TemplateSandbox(seconds=60)) as sandbox:
        rendered(sandbox, "ready")
        started = time.perf_counter()
        rendered(sandbox, trial)
        taken = time.perf_counter() - started
    return SLOW.replace("RANGE", str(round(300 * seconds / taken)))


def render_often(sandbox: TemplateSandbox, template: str) -> None:
    for _ in range(20):
        rendered(sandbox, template)


def test_slow_renderings_share_the_time_of_a_turn() -> None:
    template, seconds = slow(1.0), 3.0
    with closing(TemplateSandbox(seconds=seconds)) as sandbox:
        rendered(sandbox, "ready")
        for _ in range(2):
            sandbox.begin_turn()
            started = time.perf_counter()
            with pytest.raises(TemplateLimitError, match="took longer than 3 s"):
                render_often(sandbox, template)
            assert time.perf_counter() - started < 2 * seconds
            sandbox.start()
            rendered(sandbox, "ready")


def test_quick_renderings_are_not_counted() -> None:
    with closing(TemplateSandbox(seconds=SECONDS)) as sandbox:
        sandbox.begin_turn()
        for _ in range(200):
            assert_still_works(sandbox)


def test_the_process_knows_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    with closing(TemplateSandbox()) as sandbox:
        assert rendered(sandbox, "{{ messages[0].content }}") == "Hello"
        environment = process_of(sandbox).environ()
    assert "secret" not in environment.values()
    assert "PATH" not in environment
