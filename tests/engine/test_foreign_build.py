"""llama.cpp as it was built for this processor, on an emulated older one: nothing of the crash is
acted.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

import pytest

from modechat.cli.doctor import examine
from modechat.cli.doctor_report import as_text
from modechat.engine.client import WorkerEngine
from modechat.engine.death import Death
from modechat.engine.diagnosis import diagnose, features_of
from modechat.engine.extras_memory import ExtrasMemory
from modechat.engine.instructions import known_instructions, runnable_instructions
from modechat.engine.probe import probe_engine
from modechat.engine.protocol import Cause, Failed, Generate, Load
from modechat.engine.second_try import SecondTry
from modechat.engine.self_test import try_engine
from modechat.engine.watchdog import Patience
from tests.engine.driver import Driver, chat, formats
from tests.tiny_models import write_llama

EMULATOR = shutil.which("qemu-x86_64")
OLD = "Nehalem"  # of 2008: no AVX

pytestmark = pytest.mark.skipif(
    EMULATOR is None, reason="there is no qemu-user to emulate an older processor with"
)


@pytest.fixture
def old_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python that is started from now on runs on an emulated processor of 2008."""
    wrapper = tmp_path / "python"
    wrapper.write_text(f'#!/bin/sh\nexec {EMULATOR} -cpu {OLD} "{sys.executable}" "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(wrapper))


@pytest.fixture(scope="module", autouse=True)
def native_build() -> None:
    """The build must use what the old processor lacks."""
    if "AVX2" not in features_of(probe_engine().features):
        pytest.skip("this build of llama.cpp runs on old processors, too")


@pytest.mark.usefixtures("old_processor")
def test_the_instructions_that_run_are_those_of_the_processor_that_is_there() -> None:
    assert runnable_instructions() == frozenset({"SSE3", "SSSE3"})


def test_a_native_build_uses_nothing_that_this_machine_does_not_run() -> None:
    runnable = runnable_instructions()
    assert runnable is not None
    assert features_of(probe_engine().features) & known_instructions() <= runnable | {"AMX_INT8"}


@pytest.mark.usefixtures("old_processor")
def test_the_self_test_dies_by_the_instruction_that_is_not_there() -> None:
    for extras in ("on", "off"):
        assert try_engine(extras).death is Death.ILLEGAL_INSTRUCTION


@pytest.mark.usefixtures("old_processor")
def test_the_doctor_names_what_is_missing_and_the_command_for_a_build_that_fits() -> None:
    report = examine(io.StringIO(), {})
    assert "AVX2" in (report.trial.not_runnable or ())
    (advice,) = report.advice
    assert "llama.cpp was built for another processor: it uses AVX" in advice.text
    assert "-m pip install --force-reinstall" in advice.command
    assert "Nothing to improve" not in as_text(report, {})


@pytest.mark.timeout(400)
@pytest.mark.usefixtures("old_processor")
@pytest.mark.every_day(0)
async def test_a_message_ends_with_the_true_cause_and_the_command_that_mends_it(
    tmp_path: Path,
) -> None:
    model = write_llama(tmp_path / "tiny.gguf")
    memory = ExtrasMemory(tmp_path / "cpu-extras.json")
    slow = Patience(
        silent=120, starting=300, standing_still=300, loading=300
    )  # everything is emulated

    engine = SecondTry(WorkerEngine(patience=slow), memory, diagnose)
    engine.start()
    driver = Driver(engine, seconds=300)
    try:
        engine.send(Load(model_path=str(model), n_gpu_layers=0, formats=formats()))
        engine.send(Generate(id=1, prompt=chat("Hello")))
        while not isinstance(failed := await driver.next_event(), Failed):
            pass
    finally:
        await engine.close()
    assert failed.cause is Cause.BUILD
    assert "llama.cpp was built for another processor: it uses AVX" in failed.hint
    assert "AVX2" in failed.hint
    assert "-m pip install --force-reinstall" in failed.hint
    assert not memory.says_off
