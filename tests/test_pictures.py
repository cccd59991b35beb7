"""The pictures of the README are those that the program of today makes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
SCRIPT = PROJECT / "screenshots" / "make.py"
PICTURES = sorted(path.stem for path in SCRIPT.parent.glob("*.svg"))


def words(picture: Path) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", picture.read_text(encoding="utf-8"))


@pytest.mark.every_day(0)
@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_what_the_program_shows(name: str, tmp_path: Path) -> None:
    copied = tmp_path / "make.py"
    copied.write_bytes(SCRIPT.read_bytes())
    subprocess.run([sys.executable, copied, name], cwd=PROJECT, check=True, timeout=120)
    assert words(tmp_path / f"{name}.svg") == words(SCRIPT.parent / f"{name}.svg")
