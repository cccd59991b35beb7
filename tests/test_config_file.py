"""Options are written into the config file, and nothing else in it changes."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modechat.config import Config
from modechat.config_file import write_options
from modechat.errors import ConfigError

MINE = """\
# my config
model_folders = ["a"]  # here

[sampling]
# lively
temperature = 0.7  # of all I tried

[interface]
theme = "nord"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_a_file_that_is_absent_is_made_private(tmp_path: Path) -> None:
    file = tmp_path / "new" / "config.toml"
    config = write_options(file, {"n_ctx": 8192, "sampling.temperature": 0.5})
    assert (config.n_ctx, config.sampling.temperature) == (8192, 0.5)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_comments_and_order_stay(file: Path) -> None:
    file.write_text(MINE)
    write_options(
        file, {"sampling.temperature": 0.2, "n_ctx": 4096, "chat.system_prompt": "Be brief."}
    )
    text = file.read_text()
    assert "# my config" in text
    assert "temperature = 0.2  # of all I tried" in text
    assert text.index("n_ctx") < text.index("[sampling]") < text.index("[interface]")
    assert tomllib.loads(text)["chat"] == {"system_prompt": "Be brief."}


def test_an_option_can_be_taken_out(file: Path) -> None:
    file.write_text(MINE)
    config = write_options(
        file, {"sampling.temperature": None, "n_ctx": None, "chat.system_prompt": None}
    )
    assert config.sampling.temperature is None
    assert "[chat]" not in file.read_text()
    assert "# lively" in file.read_text()


def test_nothing_is_written_where_nothing_changes(file: Path) -> None:
    file.write_text(MINE)
    file.chmod(0o400)
    before = file.stat().st_mtime_ns
    write_options(file, {"n_ctx": None})
    assert file.stat().st_mtime_ns == before


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(exclude_categories=["Cs"])),
    stops=st.lists(st.text("a\"'\\\n\r\t#\x1b\u202e", min_size=1)),
)
def test_any_text_comes_back(file: Path, text: str, stops: list[str]) -> None:
    file.write_text(MINE)
    config = write_options(file, {"chat.system_prompt": text, "sampling.stop": stops})
    assert config.chat.system_prompt == text
    assert config.sampling.stop == tuple(stops)


@pytest.mark.parametrize("broken", ["n_ctx = ", "nonsense = 1", '[sampling]\ntemperature = "warm"'])
def test_a_broken_file_is_left_alone(file: Path, broken: str) -> None:
    file.write_text(broken)
    with pytest.raises(ConfigError, match=r"config\.toml"):
        write_options(file, {"n_ctx": 1024})
    assert file.read_text() == broken


def test_what_would_not_be_valid_is_not_written(file: Path) -> None:
    file.write_text(MINE)
    with pytest.raises(ConfigError, match="temperature"):
        write_options(file, {"sampling.temperature": 99})
    assert file.read_text() == MINE


def test_a_section_that_is_no_table_is_told(file: Path) -> None:
    file.write_text("sampling = 5\n")
    with pytest.raises(ConfigError, match="sampling"):
        write_options(file, {"sampling.temperature": 1})


def test_a_table_in_one_line_is_written_into(file: Path) -> None:
    file.write_text("sampling = { top_k = 5 }\nchat.system_prompt = 'x'\n")
    config = write_options(file, {"sampling.temperature": 0.5, "chat.system_prompt": "y"})
    assert (config.sampling.top_k, config.sampling.temperature, config.chat.system_prompt) == (
        5,
        0.5,
        "y",
    )


def test_a_link_stays_a_link(tmp_path: Path, file: Path) -> None:
    target = tmp_path / "dotfiles" / "mine.toml"
    target.parent.mkdir()
    target.write_text(MINE)
    file.symlink_to(target)
    write_options(file, {"n_ctx": 1024})
    assert file.is_symlink()
    assert "n_ctx = 1024" in target.read_text()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_file_that_is_read_only_is_told(file: Path) -> None:
    file.write_text(MINE)
    file.chmod(0o400)
    with pytest.raises(ConfigError, match="read-only"):
        write_options(file, {"n_ctx": 1024})
    assert file.read_text() == MINE
    assert [path.name for path in file.parent.iterdir()] == ["config.toml"]


def test_a_folder_in_its_place_is_told(file: Path) -> None:
    file.mkdir()
    with pytest.raises(ConfigError):
        write_options(file, {"n_ctx": 1024})


def test_what_is_written_is_a_whole_config(file: Path) -> None:
    assert write_options(file, {}) == Config()
    assert not file.exists()


def test_the_ends_of_lines_in_a_text_are_kept(file: Path) -> None:
    for text in ("\r\n", "a\r\nb", "a\nb\r\nc", "a\rb\n", "\n\r\n", "a\n\r"):
        assert write_options(file, {"chat.system_prompt": text}).chat.system_prompt == text


def test_a_link_that_leads_nowhere_yet_gets_its_target(tmp_path: Path, file: Path) -> None:
    file.symlink_to(tmp_path / "dotfiles" / "mine.toml")
    write_options(file, {"n_ctx": 1024})
    assert file.is_symlink()
    assert "n_ctx = 1024" in (tmp_path / "dotfiles" / "mine.toml").read_text()


def test_links_in_a_circle_are_told(tmp_path: Path, file: Path) -> None:
    file.symlink_to(tmp_path / "other")
    (tmp_path / "other").symlink_to(file)
    with pytest.raises(ConfigError):
        write_options(file, {"n_ctx": 1024})
    assert file.is_symlink()
