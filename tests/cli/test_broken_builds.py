"""Builds of llama.cpp that cannot be loaded: each says what mends it."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cli.conftest import Shell


@pytest.fixture
def libraries(tmp_path: Path) -> Path:
    """A copy of llama.cpp's own libraries, to be broken."""
    spec = find_spec("llama_cpp")
    assert spec is not None
    assert spec.origin is not None
    return shutil.copytree(Path(spec.origin).parent / "lib", tmp_path / "lib", symlinks=True)


def test_a_library_of_the_system_that_is_missing_is_told_with_what_brings_it(
    shell: Shell, libraries: Path
) -> None:
    changed = 0
    for library in libraries.glob("*.so*"):
        contents = library.read_bytes()
        if b"libgomp.so.1\0" in contents and not library.is_symlink():
            library.write_bytes(contents.replace(b"libgomp.so.1\0", b"libgomp.so.9\0"))
            changed += 1
    if not changed:
        pytest.skip("this build does not use GNU's OpenMP")
    env = {"LLAMA_CPP_LIB_PATH": str(libraries)}
    done = shell.process("run", "Hello", env=env)
    assert done.code == 5
    assert "libgomp.so.9" in done.err
    assert "apt install libgomp1" in done.err
    assert "--ctx" not in done.err
    report = json.loads(shell.process("doctor", "--json", env=env).out)
    assert "apt install libgomp1" in report["advice"][0]["text"]


def test_a_library_of_llama_cpp_that_is_missing_is_installed_again(
    shell: Shell, libraries: Path
) -> None:
    for library in libraries.glob("libggml-cpu*"):
        library.unlink()
    done = shell.process("run", "Hello", env={"LLAMA_CPP_LIB_PATH": str(libraries)})
    assert done.code == 5
    assert "-m pip install --force-reinstall" in done.err


def test_another_version_of_the_bindings_is_told_with_the_command_for_the_right_one(
    shell: Shell, tiny: Path
) -> None:
    folder = shell.home / "packages"
    info = folder / "llama_cpp_python-0.3.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: llama-cpp-python\nVersion: 0.3.2\n"
    )
    package = (
        folder / "llama_cpp"
    )  # as an old version would be: the functions that modechat uses are not there
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "llama_cpp.py").write_text("class llama_model_params: ...\n")
    shell.env["PYTHONPATH"] = f"{folder}:{shell.env['PYTHONPATH']}"
    done = shell.process("run", "Hello", "--model", tiny)
    assert done.code == 5
    assert "llama-cpp-python 0.3.2 is installed; modechat is made for 0.3.36" in done.err
    assert "llama-cpp-python==0.3.36" in done.err
