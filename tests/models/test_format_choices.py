"""The formats that the user chose for models."""

from __future__ import annotations

from pathlib import Path

import pytest

from modechat.errors import StoreError
from modechat.models.format_choices import FormatChoices

A, B = Path("/models/a.gguf"), Path("/elsewhere/b.gguf")


def test_a_choice_is_remembered_for_its_model_alone_and_can_be_forgotten(tmp_path: Path) -> None:
    FormatChoices(tmp_path / "data").remember(A, "vicuna")
    FormatChoices(tmp_path / "data").remember(B, "chatml")
    choices = FormatChoices(tmp_path / "data")
    assert (choices.of(A), choices.of(B), choices.of(Path("c.gguf"))) == ("vicuna", "chatml", None)
    choices.remember(A, None)
    assert (choices.of(A), choices.of(B)) == (None, "chatml")


def test_a_model_that_was_moved_keeps_its_format(tmp_path: Path) -> None:
    FormatChoices(tmp_path).remember(A, "vicuna")
    assert FormatChoices(tmp_path).of(Path("/other/a.gguf")) == "vicuna"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a.gguf": 3}', "\x00"])
def test_a_damaged_file_counts_as_no_choice_and_is_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / "formats.json").write_text(text)
    choices = FormatChoices(tmp_path)
    assert choices.of(A) is None
    choices.remember(A, "vicuna")
    assert choices.of(A) == "vicuna"


def test_the_file_is_private_to_the_user(tmp_path: Path) -> None:
    FormatChoices(tmp_path / "data").remember(A, "vicuna")
    files = list((tmp_path / "data").iterdir())
    assert [oct(path.stat().st_mode & 0o777) for path in files] == ["0o600"]


def test_a_disk_that_refuses_is_reported(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(StoreError):
        FormatChoices(tmp_path / "data").remember(A, "vicuna")
