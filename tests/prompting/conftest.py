"""The formats that ship with modechat."""

from __future__ import annotations

import pytest

from modechat.paths import prompts_folder
from modechat.prompting.formats import NamedFormat, parse_format


@pytest.fixture(scope="session")
def alpaca() -> NamedFormat:
    return parse_format((prompts_folder() / "formats" / "alpaca.toml").read_text(encoding="utf-8"))
