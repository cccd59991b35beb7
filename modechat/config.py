"""The config file: TOML, typed, every option with a docstring. A wrong file is named with line and key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from modechat.domain.sampling import Sampling
from modechat.engine.protocol import KVType
from modechat.errors import ConfigError
from modechat.typed_toml import line_of, read_text, read_toml


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ChatConfig(_Section):
    system_prompt: str = ""
    """What the model is told before every chat; empty: the model's own default."""


class InstructConfig(_Section):
    system_prompt: str = ""
    """What the model is told before every instruction; empty: nothing."""


class InterfaceConfig(_Section):
    theme: str = "textual-dark"
    """Colours: any of Textual's themes, such as nord, gruvbox, dracula, textual-light or ansi-dark."""
    resume: Annotated[bool, Field(strict=True)] = True
    """Whether modechat opens the last conversation when it starts."""


class Config(_Section):
    """All options of the config file."""

    model: Path | None = None
    """The GGUF file to load; unset: the starter model, if it is installed."""
    n_ctx: Annotated[int, Field(ge=256, le=2**31 - 1, strict=True)] | None = None
    """Context length in tokens; unset: what the model was trained for, as far as memory allows."""
    n_gpu_layers: Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)] | None = None
    """Layers to put on the GPU, the output layer counted as one; unset: as many as fit."""
    devices: tuple[str, ...] = ()
    """Devices to put layers on, as `modechat doctor` names them; empty: every GPU; `["none"]`: none."""
    kv_type: KVType = "f16"
    """How the KV cache is stored: q8_0 takes half the memory of f16, q4_0 a quarter, and costs precision."""
    flash_attention: Literal["auto", "on", "off"] = "auto"
    """Attention that takes less memory; auto: where the device can do it."""
    mmap: Annotated[bool, Field(strict=True)] = True
    """Whether the model's file is mapped into memory; false: it is read, which helps on slow network drives."""
    mlock: Annotated[bool, Field(strict=True)] = False
    """Whether the system must keep the model in memory and may not swap it out."""
    n_threads: Annotated[int, Field(ge=1, le=1024, strict=True)] | None = None
    """Threads that compute; unset: as many as help, adapted while the model runs."""
    thinking: Annotated[bool, Field(strict=True)] | None = None
    """Whether a reasoning model thinks before it answers; unset: as its chat template has it."""
    unload_after_minutes: Annotated[float, Field(gt=0, le=1e6, strict=True)] | None = None
    """After so many minutes without a request the model's memory is given back; unset: never."""
    sampling: Sampling = Sampling()
    chat: ChatConfig = ChatConfig()
    instruct: InstructConfig = InstructConfig()
    interface: InterfaceConfig = InterfaceConfig()


def load_config(path: Path) -> Config:
    """The config in `path`; the defaults if there is no such file. Raises ConfigError."""
    try:
        text = read_text(path)
    except FileNotFoundError:
        return Config()
    config = read_toml(path, text, Config)
    if config.model is None:
        return config
    try:
        model = config.model.expanduser()
    except RuntimeError as error:  # there is no such user
        line = line_of(text, ("model",))
        raise ConfigError(f"{path}, line {line}: model: there is no home folder for {config.model}") from error
    return config.model_copy(update={"model": path.parent / model})


def line_of_option(path: Path, *location: str) -> int:
    """The line (from 1) of the config file on which an option is set. Raises ConfigError."""
    return line_of(read_text(path), location)
