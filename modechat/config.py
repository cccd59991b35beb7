"""Reads the config file: typed TOML in which every option has a docstring.

Error messages name line and key.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from modechat.domain.lora import read_scaled
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import Adapter, CPUExtras, KVType
from modechat.errors import ConfigError
from modechat.typed_toml import line_of, read_text, read_toml
from modechat.user_paths import NoHomeFolder, user_path


def _read_adapter(value: object) -> object:
    if isinstance(value, Adapter):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError(f"this must be a text, FILE or FILE:SCALE, not {value!r}")
    path, scale = read_scaled(value)
    return Adapter(path=path, scale=scale)


LoraFile = Annotated[Adapter, BeforeValidator(_read_adapter)]
"""`FILE` or `FILE:SCALE`."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ChatConfig(_Section):
    system_prompt: str = ""
    """The system text that begins every chat; empty: the model's own default."""
    lora: tuple[LoraFile, ...] = ()
    """LoRA adapters for chats only."""


class InstructConfig(_Section):
    system_prompt: str = ""
    """The system text that begins every instruction; empty: nothing."""
    lora: tuple[LoraFile, ...] = ()
    """LoRA adapters for instructions only."""


class InterfaceConfig(_Section):
    theme: str | None = None
    """Colours: modechat-dark, -light, -high-contrast or -ansi, or any of Textual's, such as nord;
    unset: what fits."""
    spacing: Literal["standard", "compact"] = "standard"
    """Room around messages: standard, or compact, which shows more of them."""
    reduced_motion: Annotated[bool, Field(strict=True)] = False
    """Nothing glides: the transcript jumps to where it is scrolled."""
    resume: Annotated[bool, Field(strict=True)] = True
    """A start opens the last conversation."""


class Config(_Section):
    """All options of the config file."""

    model: Path | None = None
    """The GGUF file to load; unset: the one that was used last, else the starter model, if it is
    installed."""
    model_folders: tuple[Path, ...] = ()
    """More folders to look into for models, besides the usual places."""
    n_ctx: Annotated[int, Field(ge=256, le=2**31 - 1, strict=True)] | None = None
    """Context length in tokens; unset: what the model was trained for, as far as memory allows."""
    n_gpu_layers: Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)] | None = None
    """Layers to put on the GPU, the output layer counted as one; unset: as many as fit."""
    devices: tuple[str, ...] = ()
    """Devices to put layers on, as `modechat doctor` names them; empty: every GPU; `["none"]`:
    none."""
    kv_type: KVType = "f16"
    """Storage of the KV cache: q8_0 takes half the memory of f16, q4_0 a quarter, and costs
    precision."""
    flash_attention: Literal["auto", "on", "off"] = "auto"
    """Attention that takes less memory; auto: where the device can do it."""
    mmap: Annotated[bool, Field(strict=True)] = True
    """The model's file is mapped into memory; false: it is read, which helps on slow network
    drives."""
    mlock: Annotated[bool, Field(strict=True)] = False
    """The system must keep the model in memory and may not swap it out."""
    cpu_extras: CPUExtras = "auto"
    """llama.cpp's kernels for this processor, such as those for AMX; auto: unless they crashed
    here."""
    n_threads: Annotated[int, Field(ge=1, le=1024, strict=True)] | None = None
    """Threads that compute; unset: as many as make it faster, adapted while it runs, but not with a
    seed or at temperature 0."""
    lora: tuple[LoraFile, ...] = ()
    """LoRA adapters for the model, each `FILE` or `FILE:SCALE`; the scale says how strongly it is
    applied."""
    draft: Path | None = None
    """A small model with the same vocabulary, which guesses what the model will write, for it to
    check."""
    speculate: Literal[True, False, "always"] = True
    """Guessed tokens are checked at once where that is faster; `"always"`: even if rounding may
    show."""
    thinking: Annotated[bool, Field(strict=True)] | None = None
    """A reasoning model thinks before it answers; unset: as its chat template has it."""
    unload_after_minutes: Annotated[float, Field(gt=0, le=1e6, strict=True)] | None = None
    """After so many minutes without a request the model's memory is given back; unset: never."""
    keep_evaluated: Annotated[bool, Field(strict=True)] = True
    """Evaluated chats are kept on disk, so that a long one goes on at once after a restart."""
    kept_gib: Annotated[float, Field(gt=0, le=1e6, strict=True)] = 2.0
    """GiB of disk space for evaluated chats; those used least recently make way for new ones."""
    sampling: Sampling = Sampling()
    chat: ChatConfig = ChatConfig()
    instruct: InstructConfig = InstructConfig()
    interface: InterfaceConfig = InterfaceConfig()
    keys: dict[str, object] = {}
    """Keys for actions, by the names of the actions, in a table of their own."""


def load_config(path: Path) -> Config:
    """Read the config in `path`, or return the defaults if there is no such file.

    Raises ConfigError.
    """
    try:
        text = read_text(path)
    except FileNotFoundError:
        return Config()
    config = read_toml(path, text, Config)
    resolve = partial(_resolved, path, text)
    changes: dict[str, object] = {}
    if config.model is not None:
        changes["model"] = resolve(config.model, "model")
    if config.draft is not None:
        changes["draft"] = resolve(config.draft, "draft")
    changes["model_folders"] = tuple(
        [resolve(folder, "model_folders") for folder in config.model_folders]
    )
    changes["lora"] = _with_paths(config.lora, resolve)
    for name, section in (("chat", config.chat), ("instruct", config.instruct)):
        adapters = _with_paths(section.lora, resolve, name)
        changes[name] = section.model_copy(update={"lora": adapters})
    return config.model_copy(update=changes)


def _with_paths(
    adapters: tuple[Adapter, ...], resolve: Callable[..., Path], *section: str
) -> tuple[Adapter, ...]:
    found: list[Adapter] = []
    for adapter in adapters:
        path = resolve(Path(adapter.path), *section, "lora")
        found.append(adapter.model_copy(update={"path": str(path)}))
    return tuple(found)


def _resolved(config_file: Path, text: str, file: Path, *location: str) -> Path:
    """Return the path of a file that the config names.

    `~` is the home folder; relative paths begin at the config file's folder.
    """
    try:
        return config_file.parent / user_path(str(file))
    except NoHomeFolder as error:
        line = line_of(text, location)
        raise ConfigError(f"{config_file}, line {line}: {'.'.join(location)}: {error}") from error


def line_of_option(path: Path, *location: str) -> int:
    """Return the line (from 1) of the config file that sets an option. Raises ConfigError."""
    return line_of(read_text(path), location)
