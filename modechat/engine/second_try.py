"""An engine that survives llama.cpp's kernels: where they crash with the CPU's extra buffers, it goes on without.

Those buffers hold weights for kernels that use AMX and the like, which some compilers get wrong and some machines do
not run. Whoever uses the engine sees one `Recovered` event: what was loaded and asked is loaded and asked again. Where
that cannot help, the death says what does.
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
    "llama.cpp crashed in its kernels for this processor, and goes on without them, a little slower. "
    "`modechat doctor` says why."
)
_PERHAPS_WITHOUT = (
    "llama.cpp crashed, perhaps in its kernels for this processor, and goes on without them. "
    "`modechat doctor` tries them."
)
"""Where something else may be to blame, such as the model's file."""
_NEXT_TIME = "From now on it runs without its kernels for this processor."
_ALLOW_AUTO = "With --cpu-extras auto it tries without the kernels for this processor. "
_MAYBE_EXTRAS = (Death.CRASH, Death.ABORT)
"""Deaths that the extra buffers may be to blame for, before anything was evaluated."""


class SecondTry:
    """Wraps the engine `inner`, which runs in a process. `memory` remembers where the extra buffers crash.

    `diagnose` says why llama.cpp does not run here, with the extra buffers if it is given True; it takes seconds, and
    is called in a thread. `is_shown` says which parts of a reply the user sees as they come: a reply of which none has
    been shown is asked again, and begins anew after `Recovered`.
    """

    def __init__(
        self,
        inner: Engine,
        memory: ExtrasMemory,
        diagnose: Callable[[bool], Remedy],
        is_shown: Callable[[Delta], bool] = lambda _: True,
    ) -> None:
        self._inner = inner
        self._memory = memory
        self._diagnose = diagnose
        self._is_shown = is_shown
        self._load: Load | None = None
        self._open: list[Request] = []
        """What was asked and is not answered, in its order."""
        self._stopped: set[int] = set()
        self._spoken: set[int] = set()
        """Requests of which the user has seen text: they are not asked again."""
        self._has_evaluated = False
        """Whether the model has computed anything since it was loaded."""
        self._to_tell: Recovered | None = None
        """That it goes on without the extra buffers: to be told with the first answer, before it."""
        self._is_second = False
        """Whether this load is without the extra buffers because one with them died."""

    def start(self) -> None:
        self._forget_requests()
        self._inner.start()

    def send(self, request: Request) -> None:
        match request:
            case Load():
                self._begin_load(request)
                return
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
        async for event in self._inner.events():
            if not isinstance(event, Failed) or not event.died:
                if self._to_tell is not None and isinstance(
                    event, Delta | Finished | RawMeasured | Inspected
                ):
                    recovered, self._to_tell = self._to_tell, None
                    yield recovered
                self._note(event)
                yield event
            elif not self._may_be_the_extras(event):
                yield await self._with_remedy(event)
            elif self._has_begun_a_reply:
                self._forget_requests()
                self._memory.remember()
                yield event.model_copy(update={"hint": _NEXT_TIME})
            else:
                self._try_without(event)

    async def close(self) -> None:
        await self._inner.close()

    def _begin_load(self, request: Load) -> None:
        self._forget_requests()
        self._load = request
        self._is_second = False
        if request.cpu_extras == "auto" and self._memory.says_off:
            self._load = request.model_copy(update={"cpu_extras": "off"})
        self._open.append(self._load)
        self._inner.send(self._load)

    def _forget_requests(self) -> None:
        self._open.clear()
        self._stopped.clear()
        self._spoken.clear()
        self._has_evaluated = False

    def _note(self, event: Event) -> None:
        match event:
            case Delta(id=number):
                if self._is_shown(event):
                    self._spoken.add(number)
                self._evaluated()
            case Finished() | RawMeasured():
                self._evaluated()
            case FormatChanged():
                self._keep(format=self._asked_format())
            case AdaptersChanged(error=""):
                self._keep(adapters=event.adapters)
            case _:
                pass
        answered = next(
            (i for i, request in enumerate(self._open) if answers(event, request)), None
        )
        if answered is not None:
            del self._open[answered]

    def _evaluated(self) -> None:
        if not self._has_evaluated and self._is_second:
            self._memory.remember()
        self._has_evaluated = True

    def _asked_format(self) -> str | None:
        return next(request.format for request in self._open if isinstance(request, UseFormat))

    def _keep(self, **changes: object) -> None:
        """What was changed since the model was loaded is part of loading it again."""
        if self._load is not None:
            self._load = self._load.model_copy(update=changes)

    @property
    def _has_begun_a_reply(self) -> bool:
        """Whether text of a reply was shown: it cannot be asked again, or it would begin anew."""
        return any(
            isinstance(request, Generate) and request.id in self._spoken for request in self._open
        )

    def _may_be_the_extras(self, failed: Failed) -> bool:
        if self._load is None or self._load.cpu_extras != "auto":
            return False
        if failed.death is Death.ILLEGAL_INSTRUCTION:
            return True
        return failed.death in _MAYBE_EXTRAS and not self._has_evaluated

    def _try_without(self, failed: Failed) -> None:
        """Start again without the extra buffers, and ask again what is open. It is told when that has worked."""
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
        text = _WITHOUT if failed.death is Death.ILLEGAL_INSTRUCTION else _PERHAPS_WITHOUT
        self._to_tell = Recovered(text=text)

    async def _with_remedy(self, failed: Failed) -> Failed:
        """The death, with what helps against it where that is another build of llama.cpp, or another version."""
        self._forget_requests()
        self._to_tell = None
        if failed.death is not Death.ILLEGAL_INSTRUCTION and not version_trouble(
            installed_version()
        ):
            return failed
        chose_extras = self._load is not None and self._load.cpu_extras == "on"
        import asyncio

        remedy = await asyncio.to_thread(self._diagnose, chose_extras)
        hint = f"{_ALLOW_AUTO}{remedy}" if chose_extras else str(remedy)
        return failed.model_copy(update={"hint": hint, "needs_other_build": True})
