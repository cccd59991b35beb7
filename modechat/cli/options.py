"""The command line's options for the model, as one frozen value for every command."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from modechat.domain.sampling import Sampling
from modechat.engine.protocol import CPUExtras, KVType

_SAMPLING = ("temperature", "top_k", "top_p", "min_p", "repeat_penalty", "seed", "max_tokens")
"""The sampling settings that the command line has."""

_OPTIONS = (
    "thinking",
    "model",
    "ctx",
    "gpu_layers",
    "device",
    "kv_type",
    "cpu_extras",
    "draft",
    "format",
)
"""The options that `ModelOptions` has under the same name."""

_NOTHING_SET = Sampling()


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """The options for the model.

    An option that the user did not give is None or empty; then the config file decides.
    """

    model: Path | None = None
    ctx: int | None = None
    gpu_layers: int | None = None
    device: tuple[str, ...] | None = None
    kv_type: KVType | None = None
    cpu_extras: CPUExtras | None = None
    lora: tuple[str, ...] = ()
    """Adapters, each FILE or FILE:SCALE."""
    draft: Path | None = None
    format: str | None = None
    thinking: bool | None = None
    sampling: Sampling = _NOTHING_SET

    def without(self, names: Iterable[str]) -> ModelOptions:
        """Return the options without those that the config file calls `names`.

        The names of sampling settings begin with their section: `sampling.top_k`.
        """
        dropped = set(names)
        options = self
        if "n_ctx" in dropped:
            options = replace(options, ctx=None)
        unset = dict.fromkeys([name for name in _SAMPLING if f"sampling.{name}" in dropped])
        return replace(options, sampling=self.sampling.model_copy(update=unset))


def model_options(arguments: argparse.Namespace) -> ModelOptions:
    """Return the command line's options for the model.

    Options that were not given are not in `arguments`.
    """
    given = vars(arguments)
    sampling = Sampling.model_validate({name: given.get(name) for name in _SAMPLING})
    return ModelOptions(
        **{name: given.get(name) for name in _OPTIONS},
        lora=(*given.get("lora", ()), *given.get("lora_of_command", ())),
        sampling=sampling,
    )
