"""What the terminal sends becomes the keys that were pressed, and pastes that do nothing."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual.message import Message

from modechat.tui.terminal_bytes import TerminalBytes
from modechat.tui.terminal_input import TerminalInput

START, END = "\x1b[200~", "\x1b[201~"


def told(messages: Iterable[Message]) -> list[str]:
    """Keys by name, with the character that they type; pastes by their text."""
    found = []
    for message in messages:
        match message:
            case events.Key():
                found.append(
                    f"{message.key}={message.character!r}" if message.is_printable else message.key
                )
            case events.Paste():
                found.append(f"paste {message.text!r}")
            case _:
                found.append(type(message).__name__)
    return found


def read(*pieces: str) -> list[str]:
    parser = TerminalInput()
    return [*(name for piece in pieces for name in told(parser.feed(piece))), *told(parser.flush())]


@pytest.mark.parametrize(
    ("sequence", "key"),
    [
        ("\x1b\r", "alt+enter"),
        ("\x1b[13;3u", "alt+enter"),
        ("\x1b[27;3;13~", "alt+enter"),
        ("\x1b[13;2u", "shift+enter"),
        ("\x1b[27;2;13~", "shift+enter"),
        ("\x1b[27;5;13~", "ctrl+enter"),
        ("\r", "enter"),
        ("\n", "ctrl+j"),
        ("\x1b[32u", "space=' '"),
        ("\x1b[97:65;2:1;65u", "A='A'"),
    ],
)
def test_a_key_is_known_in_every_encoding(sequence: str, key: str) -> None:
    assert read(sequence) == [key]
    assert read(*sequence) == [key]


@pytest.mark.parametrize(
    "sequence",
    [
        "\x1b[57358;1;65u",  # Caps Lock
        "\x1b[57360;1;49u",  # Num Lock
        "\x1b[97:65;1:3u",  # a key that is let go
        "\x1b[99999999999;1u",
        "\x1b[0;1;99999999u",
        "\x1b[<NaN;NaN;NaNM",
        "\x1b[<35;NaN;3m",
        "\x1b[5n",
        "\x1b[?62;22c",
        "\x1b[31m",
    ],
)
def test_what_is_no_key_does_nothing(sequence: str) -> None:
    assert read(sequence, "x") == ["x='x'"]
    assert read(*sequence, "x") == ["x='x'"]


def test_keys_and_mice_still_do_what_they_did() -> None:
    assert read("\x1b[A", "\x1bz", "\x1bOP", "\x1b[[A") == ["up", "alt+z", "f1", "f1"]
    assert read("\x1b[<0;3;4M", "\x1b[<0;3;4m") == ["MouseDown", "MouseUp"]
    assert read("\x1b[I", "\x1b[?2026;2$y") == ["AppFocus", "TerminalSupportsSynchronizedOutput"]


def test_an_escape_in_a_paste_is_text() -> None:
    assert read(f"{START}a\x1b[A\x11\x1b\x1b[20b{END}c") == ["paste 'a␛[A␑␛␛[20b'", "c='c'"]


def test_a_paste_that_ends_in_the_middle_of_an_escape_has_ended() -> None:
    assert read(f"{START}a\x1b{END}b") == ["paste 'a␛'", "b='b'"]


def test_an_empty_paste_is_one() -> None:
    assert read(f"{START}{END}x") == ["paste ''", "x='x'"]


def test_lines_of_a_paste_end_as_everywhere() -> None:
    assert read(f"{START}a\rb\r\nc\n{END}") == ["paste 'a\\nb\\nc\\n'"]


@given(st.data())
def test_pastes_are_the_same_however_the_reads_cut_them(data: st.DataObject) -> None:
    text = data.draw(st.text(alphabet="a\x1b[201~\r\x03", max_size=20)).replace(END, "")
    stream = f"x{START}{text}{END}y"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [
        stream[start:end]
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        if start < end
    ]
    found = read(*pieces)
    if (
        stream.find(END) == len(stream) - len(END) - 1
    ):  # the text's end and the mark make no mark together
        assert found[0] == "x='x'"
        assert found[-1] == "y='y'"
        assert len(found) == 3
        assert found[1].startswith("paste ")


def test_a_paste_without_an_end_is_given_up_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    parser = TerminalInput()
    assert told(parser.feed(f"{START}lost")) == []
    now = 1.0
    assert told(parser.tick()) == []
    now = 10.0
    assert told(parser.tick()) == ["paste 'lost'"]
    assert told(parser.feed(f"x{END}")) == ["x='x'"]


def test_what_nobody_can_have_typed_is_a_paste() -> None:
    long = "a\tb\rc " * 50
    assert read(f"{long}\r") == [f"paste {long.replace(chr(13), chr(10))!r}", "enter"]
    assert read(long + "x", "y") == [f"paste {long.replace(chr(13), chr(10)) + 'xy'!r}"]
    assert read(long, "\x1b[A")[-1] == "up"
    assert len(read(f"{long}\x11")) > 200  # with keys in it, it is keys


def test_a_megabyte_is_read_at_once() -> None:
    parser = TerminalInput()
    text = f"{START}{'x' * 1_000_000}{END}"
    pastes = [
        message
        for start in range(0, len(text), 4096)
        for message in parser.feed(text[start : start + 4096])
        if isinstance(message, events.Paste)
    ]
    assert [len(paste.text) for paste in pastes] == [1_000_000]


def sent(*reads: bytes) -> list[str]:
    """What comes of bytes, however they are cut."""
    decoder = TerminalBytes()
    parser = TerminalInput(decoder=decoder)
    found: list[str] = []
    for text in (*map(decoder.decode, reads), decoder.finish()):
        if text:
            found += told(parser.feed(text))
    return found + told(parser.flush())


@pytest.mark.parametrize(
    ("data", "typed"),
    [
        (b"caf\xe9", "café"),
        (b"\xe1\xf8", "áø"),  # Alt as an eighth bit
        (b"\x93a\x94 \x80", "“a” €"),  # of Windows
        ("café 日本".encode(), "café 日本"),
        (b"\xff\xfe", "ÿþ"),
        (b"\xc3(", "Ã("),
    ],
)
def test_a_byte_that_is_no_utf8_is_the_letter_that_it_probably_is(data: bytes, typed: str) -> None:
    assert (
        sent(data)
        == sent(*(bytes([byte]) for byte in data))
        == [name for letter in typed for name in read(letter)]
    )
    assert sent(START.encode() + data + END.encode()) == [f"paste {typed!r}"]


@pytest.mark.parametrize(
    "report", [b" !!", b"#\xff\xff", b" \xc3\xa9", b"`\xe2\x82", b"\xc3\xa9!", b" \x80\xc0"]
)
def test_an_old_report_of_the_mouse_is_three_bytes_and_nothing(report: bytes) -> None:
    assert sent(b"\x1b[M" + report + b"\x1b[Ax") == ["up", "x='x'"]


@pytest.mark.parametrize("code", [0xD83D, 0xDC80, 0xDFFF])
def test_half_a_character_is_no_key(code: int) -> None:
    assert read(f"\x1b[{code}u", "x") == ["x='x'"]
    assert read(f"\x1b[97;1;{code}u", "x") == ["x='x'"]


@pytest.mark.parametrize(
    "size", ["24;80;0;0", "0;0;0;0", "0;80;9;9", "24;99999;9;9", "-1;80;0;0", "24;80;5;5"]
)
def test_the_mouse_counts_cells_where_the_size_is_nonsense(size: str) -> None:
    parser = TerminalInput()
    told(parser.feed(f"\x1b[48;{size}t"))
    (event,) = parser.feed("\x1b[<0;11;6M")
    assert isinstance(event, events.MouseDown)
    assert (event.x, event.y) == (10, 5)


def test_a_size_that_is_nonsense_takes_nothing_from_one_that_was_not() -> None:
    parser = TerminalInput()
    assert told(parser.feed("\x1b[48;24;80;480;800t\x1b[48;0;99999;1;1t")) == ["Resize"]
    (event,) = parser.feed("\x1b[<0;101;101M")
    assert isinstance(event, events.MouseDown)
    assert (event.x, event.y) == (10, 5)


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_whatever_bytes_come_they_end_nothing_and_nothing_of_them_is_half_a_character(
    data: bytes, cuts: list[int]
) -> None:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for name in sent(*(data[start:end] for start, end in pairwise(edges))):
        name.encode()


def test_enter_before_anybody_read_is_enter() -> None:
    assert told(TerminalInput(follows_lines=True).feed("hello\n"))[-1] == "enter"
