"""Starts an engine again without the CPU's extra buffers after llama.cpp crashed with them.

Those buffers hold weights for kernels that use AMX and the like. Some compilers get these kernels
wrong, and some machines do not run them. The user of the engine sees one `Recovered` event: the
model is loaded and the open requests are asked again. If that cannot help, the report of the death
says what does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from modechat.engine.answers import answers
from modechat.engine.build import installed_version, version_trouble
from modechat.engine.death import Death
from modechat.engine.extras_memory import ExtrasMemory
from modechat.engine.protocol import (
    AdaptersChanged,
    Cause,
    Delta,
    Engine,
    Event,
    Failed,
    Finished,
    FormatChanged,
    Generate,
    Inspect,
    Inspected,
    Load,
    MeasureRaw,
    RawMeasured,
    Recovered,
    Request,
    Shutdown,
    Stop,
    UseAdapters,
    UseFormat,
)

if TYPE_CHECKING:
    from modechat.engine.diagnosis import Remedy

_WITHOUT = (
    "llama.cpp crashed in its kernels for this processor, and goes on without them, a little "
    "slower. `modechat doctor` says why."
)
_PERHAPS_WITHOUT = (
    "llama.cpp crashed, perhaps in its kernels for this processor, and goes on without them. "
    "`modechat doctor` tries them."
)
"""The text if something else may be to blame, such as the model's file."""
_NEXT_TIME = "From now on it runs without its kernels for this processor."
_ALLOW_AUTO = "With --cpu-extras auto it tries without the kernels for this processor. "
_MAYBE_EXTRAS = (Death.CRASH, Death.ABORT)
"""Deaths that the extra buffers may have caused, if nothing was evaluated before."""


class SecondTry:
    """Wraps the engine `inner`, which runs in a process.

    `memory` remembers where the extra buffers crash.

    `diagnose` finds out why llama.cpp does not run here, with the extra buffers if it is given
    True. It takes seconds, and is called in a thread. `is_shown` says which parts of a reply the
    user sees as they come; None: all. If no part was shown, the reply is asked again, and begins
    anew after `Recovered`.
    """

    def __init__(
        self,
        inner: Engine,
        memory: ExtrasMemory,
        diagnose: Callable[[bool], Remedy],
        is_shown: Callable[[Delta], bool] | None = None,
    ) -> None:
        self._inner = inner
        self._memory = memory
        self._diagnose = diagnose
        self._is_shown = is_shown
        self._n_started = 0
        self._load: Load | None = None
        self._open: list[Request] = []
        """The requests without an answer, in their order."""
        self._stopped: set[int] = set()
        self._shown: set[int] = set()
        """Replies whose text the user has seen in part: they are not asked again."""
        self._has_evaluated = False
        """True if the model has computed anything since it was loaded."""
        self._recovered: Recovered | None = None
        """Announces that the engine goes on without the extra buffers.

        Sent before the first answer.
        """
        self._is_second = False
        """True if this load is without the extra buffers because a load with them died."""

    def start(self) -> None:
        """See Engine.start."""
        self._n_started += 1
        self._forget_requests()
        self._inner.start()

    def send(self, request: Request) -> None:
        """See Engine.send."""
        match request:
            case Load():
                request = self._begin_load(request)
            case Stop(id=number):
                self._stopped.add(number)
            case Shutdown():
                self._forget_requests()
            case Generate() | Inspect() | MeasureRaw() | UseAdapters() | UseFormat():
                self._open.append(request)
            case _:
                pass
        self._inner.send(request)

    async def events(self) -> AsyncIterator[Event]:
        """See Engine.events."""
        async for event in self._inner.events():
            if isinstance(event, Failed) and event.died:
                n_started = self._n_started
                report = await self._handle_death(event)
                # Otherwise it was started again during the search for the remedy.
                if report is not None and n_started == self._n_started:
                    yield report
                continue
            if self._recovered is not None and isinstance(
                event, Delta | Finished | RawMeasured | Inspected
            ):
                recovered, self._recovered = self._recovered, None
                yield recovered
            self._note(event)
            yield event

    async def close(self) -> None:
        """See Engine.close."""
        await self._inner.close()

    async def _handle_death(self, failed: Failed) -> Failed | None:
        """Try again without the extra buffers; if that cannot help, return the death's report."""
        if not self._may_be_the_extras(failed):
            return await self._with_remedy(failed)
        if not self._has_begun_a_reply:
            self._try_without(failed)
            return None
        self._forget_requests()
        self._memory.remember()
        return failed.model_copy(update={"hint": _NEXT_TIME})

    def _begin_load(self, request: Load) -> Load:
        """Note that a model is to be loaded; return the request for it."""
        self._forget_requests()
        self._is_second = False
        if request.cpu_extras == "auto" and self._memory.says_off:
            request = request.model_copy(update={"cpu_extras": "off"})
        self._load = request
        self._open.append(request)
        return request

    def _forget_requests(self) -> None:
        self._open.clear()
        self._stopped.clear()
        self._shown.clear()
        self._has_evaluated = False
        self._recovered = None

    def _note(self, event: Event) -> None:
        match event:
            case Delta(id=number):
                if self._is_shown is None or self._is_shown(event):
                    self._shown.add(number)
                self._note_evaluation()
            case Finished() | RawMeasured():
                self._note_evaluation()
            case AdaptersChanged(error=""):
                self._keep(adapters=event.adapters)
            case _:
                pass
        for index, request in enumerate(self._open):
            if answers(event, request):
                del self._open[index]
                if isinstance(event, FormatChanged) and isinstance(request, UseFormat):
                    self._keep(format=request.format)
                break

    def _note_evaluation(self) -> None:
        if not self._has_evaluated and self._is_second:
            self._memory.remember()
        self._has_evaluated = True

    def _keep(self, **changes: object) -> None:
        """Keep a change to the loaded model, so that a second load has it, too."""
        if self._load is not None:
            self._load = self._load.model_copy(update=changes)

    @property
    def _has_begun_a_reply(self) -> bool:
        """True if text of a reply was shown: asked again, it would begin anew."""
        for request in self._open:
            if isinstance(request, Generate) and request.id in self._shown:
                return True
        return False

    def _may_be_the_extras(self, failed: Failed) -> bool:
        if self._load is None or self._load.cpu_extras != "auto":
            return False
        if failed.death is Death.ILLEGAL_INSTRUCTION:
            return True
        return failed.death in _MAYBE_EXTRAS and not self._has_evaluated

    def _try_without(self, failed: Failed) -> None:
        """Start the engine again without the extra buffers, and ask again what is open.

        That is announced once it has worked.
        """
        assert self._load is not None  # something was loaded, or was to be
        open_requests = [request for request in self._open if not isinstance(request, Load)]
        self._load = self._load.model_copy(update={"cpu_extras": "off"})
        self._open = [self._load, *open_requests]
        self._is_second = True
        self._has_evaluated = False
        self._inner.start()
        for request in self._open:
            self._inner.send(request)
        for number in self._stopped:
            self._inner.send(Stop(id=number))
        is_certain = failed.death is Death.ILLEGAL_INSTRUCTION
        self._recovered = Recovered(text=_WITHOUT if is_certain else _PERHAPS_WITHOUT)

    async def _with_remedy(self, failed: Failed) -> Failed:
        """Return the death's report, with the command for another build if one helps."""
        self._forget_requests()
        is_refused = failed.death is Death.ILLEGAL_INSTRUCTION
        if failed.cause is Cause.VERSION:
            return failed
        if not is_refused and not version_trouble(installed_version()):
            return failed
        chose_extras = self._load is not None and self._load.cpu_extras == "on"
        import asyncio

        remedy = str(await asyncio.to_thread(self._diagnose, chose_extras))
        hint = _ALLOW_AUTO + remedy if chose_extras else remedy
        return failed.model_copy(update={"hint": hint, "cause": Cause.BUILD})
