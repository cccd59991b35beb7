"""What makes the tests of the screen quick: several hundred apps start and wait."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

from tests.tui.quiet import waiting_for_the_loop


@pytest.fixture(scope="session", autouse=True)
def _quick_apps() -> Iterator[None]:
    with waiting_for_the_loop(), patch.object(Stylesheet, "_parse_rules", _parsed_once):
        yield


_parse_rules = Stylesheet._parse_rules
_parsed: dict[object, list[RuleSet]] = {}


def _parsed_once(stylesheet: Stylesheet, css: str, *arguments: Any, **named: Any) -> list[RuleSet]:
    """Parse a style sheet once for all apps that have the same colours: it takes a tenth of a test."""
    key = (css, arguments, *sorted(named.items()), *sorted(stylesheet._variables.items()))
    if key not in _parsed:
        _parsed[key] = _parse_rules(stylesheet, css, *arguments, **named)
    return _parsed[key]
