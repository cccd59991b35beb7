"""Messages from a pipe, one a line, and what a script can rely on."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from modechat.cli.demo import demo_settings
from modechat.engine.protocol import Failed, Generate
from modechat.errors import ModelError, UsageError
from modechat.plain.messages import QUOTES
from tests.plain.harness import in_pipe
from tests.session.fake_files import with_files
from tests.session.harness import echo, running_session, settings


async def test_each_line_is_a_message_and_the_output_a_transcript(tmp_path: Path) -> None:
    code, out, err = await in_pipe(
        tmp_path, "hello\n\n### Instruction\r\nCount\\\nto ten\n### Chat\nbye"
    )
    assert (code, err) == (0, "")
    assert out == (
        "You (chat): hello\n"
        "Model: You said: hello\n"
        "You (chat): ### Instruction\n"
        "modechat: Okay, switching to instruct mode. What do you want me to do?\n"
        "You (instruct): Count\nto ten\n"
        "Model (instruct): You said: Count\nto ten\n"
        "You (instruct): ### Chat\n"
        "modechat: Okay, back to chat mode. I see our chat again.\n"
        "You (chat): bye\n"
        "Model: You said: bye\n"
    )


async def test_lines_between_quotation_marks_are_one_message_also_without_their_end(
    tmp_path: Path,
) -> None:
    code, out, _ = await in_pipe(
        tmp_path, f"{QUOTES}\none\n\n    two\n{QUOTES}\n{QUOTES}\nthree\nfour"
    )
    assert code == 0
    assert "Model: You said: one\n\n    two\n" in out
    assert "Model: You said: three\nfour\n" in out


async def test_it_goes_on_with_the_last_conversation_and_saves_in_it(tmp_path: Path) -> None:
    await in_pipe(tmp_path, "one\n")
    await in_pipe(tmp_path, "two\n")
    await in_pipe(tmp_path, "three\n", resume=False)
    async with running_session(tmp_path) as harness:
        summaries = await harness.session.library.summaries()
        assert [(summary.title, summary.turn_count) for summary in summaries] == [
            ("three", 1),
            ("one", 2),
        ]


async def test_nothing_to_send_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to send"):
        await in_pipe(tmp_path, "\n \n")


async def test_what_is_refused_is_said_on_standard_error_and_in_the_exit_code(
    tmp_path: Path,
) -> None:
    code, out, err = await in_pipe(tmp_path, "/format nope\nhello\n")
    assert code == 2
    assert err.startswith("modechat: There is no format “nope”.")
    assert out == "You (chat): /format nope\nYou (chat): hello\nModel: You said: hello\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xef\xbb\xbfone\n\xff\xfe\ntwo\n", "is not UTF-8 text"),
        (b"one\ncaf\xe9\ntwo\n", "is not UTF-8 text"),
        (b"one\nt\x00wo\nthree\n", "has NULs in it"),
        ("one\ntwo and three\n".encode("utf-16-le"), "is UTF-16 without a mark"),
        ("one\ntwo and three\n".encode("utf-16")[:-1], "is no whole text"),
    ],
)
async def test_what_is_no_text_is_refused_as_a_whole(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    code, out, err = await in_pipe(tmp_path, data)
    assert (code, out) == (2, "")
    assert reason in err


async def test_other_encodings_of_unicode_are_read_by_their_marks(tmp_path: Path) -> None:
    code, out, _ = await in_pipe(tmp_path, "один\r\n二\n".encode("utf-16"))
    assert code == 0
    assert out == "You (chat): один\nModel: You said: один\nYou (chat): 二\nModel: You said: 二\n"


async def test_files_that_a_line_mentions_are_attached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("the notes", encoding="utf-8")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    code, out, err = await in_pipe(tmp_path, "请总结 @notes.txt。\nsee @latin.txt\n")
    assert code == 2
    assert "Model: You said: 请总结 notes.txt。\n\nnotes.txt:\n```txt\nthe notes\n```" in out
    assert "latin.txt cannot be attached: it is not UTF-8 text" in err
    assert out.count("You said") == 1


@pytest.mark.parametrize(("kind", "code"), [("engine", 5), ("context", 6)])
async def test_the_exit_code_is_that_of_the_first_failure(
    tmp_path: Path, kind: str, code: int
) -> None:
    def fail_once(request: Generate) -> str | Failed:
        if "fail" in str(echo(request)):
            return Failed.model_validate({"id": None, "kind": kind, "title": "It failed"})
        return "fine"

    got, out, _ = await in_pipe(tmp_path, "### Instruction fail\n### Instruction go on\n")
    assert got == 0
    got, out, _ = await in_pipe(
        tmp_path, "### Instruction fail\n### Instruction go on\n", fail_once
    )
    assert got == code
    assert "There is no reply: It failed" in out
    assert "fine" in out


async def test_a_model_that_cannot_be_used_ends_it_at_once(tmp_path: Path) -> None:
    def check() -> None:
        raise ModelError("It is no model")

    with pytest.raises(ModelError, match="It is no model"):
        await in_pipe(tmp_path, "hello\n", chat_settings=with_files(settings(), check_model=check))


async def test_a_model_that_hangs_keeps_the_program_not_from_ending(tmp_path: Path) -> None:
    threads: list[threading.Thread] = []
    goes_on = threading.Event()

    def hang() -> None:
        threads.append(threading.current_thread())
        goes_on.wait(60)

    hanging = with_files(settings(), check_model=hang)
    chat = asyncio.create_task(in_pipe(tmp_path, "hello\n", chat_settings=hanging))
    while not threads:
        await asyncio.sleep(0.01)
    chat.cancel()
    with pytest.raises(asyncio.CancelledError):
        await chat
    assert threads[0].daemon
    goes_on.set()


async def test_more_lines_than_are_read_ahead_are_all_done(tmp_path: Path) -> None:
    n_lines = 600
    code, out, _ = await in_pipe(
        tmp_path, "".join(f"### Instruction {i}\n" for i in range(n_lines))
    )
    assert code == 0
    assert out.count("Model (instruct): You said: ") == n_lines


async def test_a_text_without_white_space_and_control_characters_gets_through(
    tmp_path: Path,
) -> None:
    long = "x" * 8_000
    code, out, _ = await in_pipe(tmp_path, f"{long}\na\x1b[31m\x9b5n\tb\n")
    assert code == 0
    assert f"Model: You said: {long}\n" in out
    assert "Model: You said: a␛[31m�5n\tb\n" in out


async def test_an_unknown_command_in_a_pipe_is_wrong_use_and_the_rest_is_done(
    tmp_path: Path,
) -> None:
    code, out, err = await in_pipe(tmp_path, "/modles\n/modles\n\\/modles\n/usr/bin/x y\n")
    assert code == UsageError.exit_code
    assert (
        err.count("There is no command /modles. Did you mean /model? \\/modles … sends it as text.")
        == 2
    )
    assert out.count("Model: You said: /modles") == 1
    assert "Model: You said: /usr/bin/x y" in out


async def test_history_lists_what_the_pipe_sent_itself(tmp_path: Path) -> None:
    code, out, _ = await in_pipe(
        tmp_path, "hello\n### Instruction\nsecond one\n/history\n/history\n"
    )
    assert code == 0
    assert out.count("\n2: hello\n1: second one\n") == 2


async def test_the_model_is_named_by_its_name_if_it_is_no_file(tmp_path: Path) -> None:
    code, out, _ = await in_pipe(tmp_path, "/model\n", chat_settings=demo_settings())
    assert code == 0
    assert "The model is Scripted demo. /model NUMBER or " in out
