"""Homes and models for whole programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.home import DETERMINISTIC, Home
from tests.tiny_models import write_llama


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home folder, but for a config that makes replies deterministic."""
    home = Home(tmp_path / "home")
    home.configure(DETERMINISTIC)
    return home


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is loaded in no time and writes nonsense."""
    return write_llama(tmp_path_factory.mktemp("models") / "tiny.gguf", n_ctx_train=4096)
