"""Builds the site of the pages into build/docs/site.

    pip install '.[docs]' && python docs/build_site.py [serve]

In the repository, pages link two or three folders up: to the pictures, the changelog, and how to
contribute. The site has these files at its top, so the sources are put together in build/docs
first, with such links changed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]
PAGES = PROJECT / "docs" / "pages"
SOURCES = PROJECT / "build" / "docs"
TOP = ("CHANGELOG.md", "CONTRIBUTING.md")
_UP = re.compile(r"\]\((?:\.\./)+(screenshots/|CHANGELOG\.md|CONTRIBUTING\.md)")
_INTO_PAGES = re.compile(r"\]\(docs/pages/")


def main() -> int:
    collect(SOURCES)
    command = ["serve"] if sys.argv[1:] == ["serve"] else ["build", "--clean", "--strict"]
    generator = [sys.executable, "-m", "zensical", *command]
    return subprocess.run(generator, cwd=SOURCES, check=False).returncode


def collect(sources: Path) -> None:
    """Put what the generator reads into the folder `sources`. What was there is removed."""
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree(PROJECT / "screenshots", sources / "pages" / "screenshots")
    shutil.copy(PROJECT / "docs" / "mkdocs.yml", sources)
    for page in PAGES.rglob("*.md"):
        _copy(page, sources / "pages" / page.relative_to(PAGES))
    for name in TOP:
        _copy(PROJECT / name, sources / "pages" / name)


def _copy(document: Path, target: Path) -> None:
    is_in_folder = document.parent.parent == PAGES
    text = _UP.sub(r"](../\1" if is_in_folder else r"](\1", document.read_text(encoding="utf-8"))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_INTO_PAGES.sub("](", text), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
