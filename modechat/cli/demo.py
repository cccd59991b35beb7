"""`modechat --demo`: the interface with scripted replies, also for the screenshots."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from modechat.cli.demo_replies import ABOUT, REPLIES, TASK
from modechat.cli.demo_variants import reply_in_variant
from modechat.domain.mode import Mode
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import Generate, Load
from modechat.engine.scripted import Leak, Pace, ScriptedEngine, as_a_small_model, last_user_text
from modechat.models.catalog import STARTER, Looking, ModelFile
from modechat.models.gguf import GGUFHeader
from modechat.paths import home_folder
from modechat.prompt_files import load_prompt_files
from modechat.session.settings import NoFiles, SessionSettings


def _model(
    name: str, place: str, gigabytes: float, n_ctx: int, kv: int, *, has_template: bool = True
) -> ModelFile:
    """Return an invented model. `kv` is the size of a token in its KV cache, in KiB."""
    architecture, quantization = name.split("-")[0].lower(), name.rpartition(".")[2]
    header = GGUFHeader(
        version=3,
        architecture=architecture,
        name=name,
        quantization=quantization,
        n_ctx_train=n_ctx,
        has_chat_template=has_template,
        n_tensors=1,
        size_bytes=int(gigabytes * 1e9),
        metadata={
            f"{architecture}.block_count": kv,
            f"{architecture}.attention.head_count": 1,
            f"{architecture}.attention.key_length": 512,
        },
    )
    path = home_folder() / "models" / f"{name}.gguf"
    return ModelFile(path, name, place, header.size_bytes, header)


def _models() -> tuple[ModelFile, ...]:
    """Return the models that the model picker shows."""
    return (
        _model("SmolLM2-135M-Instruct.Q4_1", STARTER, 0.098, 8192, 23),
        _model("Gemma-3-270M-Base.Q4_K_M", "Hugging Face", 0.253, 32_768, 18, has_template=False),
        _model("Llama-3.2-3B-Instruct.Q5_K_M", "LM Studio", 2.32, 131_072, 112),
        _model("Phi-4-mini-Instruct.Q8_0", "models", 4.08, 131_072, 128),
        _model("Mistral-Large-Instruct.Q4_K_M", "Ollama", 73.2, 131_072, 352),
    )


def reply_to(request: Generate) -> str | Leak:
    """Return a reply that fits the beginning of the message, and the variant of a comparison."""
    said = last_user_text(request).casefold()
    compared = reply_in_variant(said, request)
    if compared:
        return compared
    for start, reply in REPLIES.items():
        if said.startswith(start):
            return reply
    if Mode(request.prompt.mode) is Mode.INSTRUCT:
        return TASK
    return ABOUT


def demo_engine(pace: Pace = as_a_small_model) -> ScriptedEngine:
    return ScriptedEngine(reply_to, pace)


def demo_settings(model_path: str = "") -> SessionSettings:
    """Return the demo's settings. `model_path` names one of the invented models."""
    files = load_prompt_files()
    return SessionSettings(
        load=Load(model_path=model_path, formats=files.formats),
        sampling=Sampling(),
        tasks=files.tasks,
        files=_DemoFiles(),
    )


class _DemoFiles(NoFiles):
    """The files of the demo: invented models that can be chosen."""

    def settings_for(self, name: str, /) -> SessionSettings:
        return demo_settings(name)

    def find_models(self, _cancelled: Callable[[], bool], /) -> Iterator[ModelFile | Looking]:
        return iter(_models())
