"""`modechat --demo`: the interface with scripted replies. Also the scene of the screenshots."""

from __future__ import annotations

from pathlib import Path

from modechat.domain.modes import Mode
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import Generate, Load
from modechat.engine.scripted import Leak, Pace, ScriptedEngine, as_a_small_model, last_user_text
from modechat.models.catalog import STARTER, ModelFile
from modechat.models.gguf import GGUFHeader
from modechat.prompt_files import load_prompt_files
from modechat.session.settings import SessionSettings

_ABOUT = """\
This is a **demo**: the replies are scripted, no model runs. With a real model you get the same two modes:

1. In **chat** I see everything that we said.
2. Type `### Instruction` and each message becomes a task of its own, without history.

```python
def greet(name: str) -> str:
    return f"Hello, {name}!"
```

Type `### Chat` to come back."""

_TASK = "This is a scripted answer to a single task. The chat does not see it, and it did not see the chat."

_REPLIES = {
    "hello": "Hello! I am a scripted demo. Ask me what you like; I only know a few answers.",
    "what is alpaca": (
        "Alpaca is a way to write down tasks for a language model, published by Stanford in 2023. A task has up to "
        "three parts:\n\n"
        "- an **instruction**: what to do\n- an **input**: the text to work on, if there is one\n"
        "- a **response**: what the model writes\n\n"
        "Each task stands for itself: there is no history."
    ),
    "translate into spanish": "Te quiero.",
    "think": (
        "<think>The user wants to see how thinking looks. It belongs apart from the answer: one line that counts its "
        "words while they come, and opens with a click or Ctrl+Y.\n\nWhat I say here is plain text, so **nothing** in "
        "it is formatted. Now the answer, in one sentence.</think>\n"
        "I thought about it first: the line above opens with **Ctrl+Y**."
    ),
}


def _model(name: str, place: str, gigabytes: float, n_ctx: int, kv: int, *, has_template: bool = True) -> ModelFile:
    """A model that is not there. `kv` is what a token takes in its KV cache, in KiB."""
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
        metadata={f"{architecture}.block_count": kv, f"{architecture}.attention.key_length": 512},
    )
    path = Path.home() / "models" / f"{name}.gguf"
    return ModelFile(path, name, place, header.size_bytes, header)


_MODELS = (
    _model("SmolLM2-135M-Instruct.Q4_1", STARTER, 0.098, 8192, 23),
    _model("Gemma-3-270M-Base.Q4_K_M", "Hugging Face", 0.253, 32_768, 18, has_template=False),
    _model("Llama-3.2-3B-Instruct.Q5_K_M", "LM Studio", 2.32, 131_072, 112),
    _model("Phi-4-mini-Instruct.Q8_0", "models", 4.08, 131_072, 128),
    _model("Mistral-Large-Instruct.Q4_K_M", "Ollama", 73.2, 131_072, 352),
)
"""What the model picker shows in the demo."""


_HAIKU = {
    0: "Old pond. A frog leaps.\nWater closes over it.\nSilence, and then rain.",
    1: "Autumn moonlight falls\non the temple's wooden steps:\na cat licks its paw.",
    2: "**Snow** on the rooftops,\nfirst smoke of the morning fires.\nSomebody is home.",
    3: "Keys click in the dark.\nThe model thinks of a word.\nSo do I. We wait.",
}

_CAPITAL = "The capital of France is **Paris**."
_IN_FORMATS: dict[str, str | Leak] = {
    "chat-template": f"{_CAPITAL} It lies on the Seine, and about two million people live there.",
    "chatml": f"{_CAPITAL} It is the largest city of the country:\n\n- on the river Seine\n- two million people",
    "alpaca": Leak(f"{_CAPITAL}\n\nThe capital of Spain is Madrid.", "### Instruction:"),
    "vicuna": Leak("Paris, I think.", "USER:"),
}
"""What a small model says to a question, by the format that it was asked in: in the wrong one it does not stop."""


def reply_to(request: Generate) -> str | Leak:
    """A reply by what the message begins with, and by what is different where replies are compared."""
    said = last_user_text(request).casefold()
    if "capital" in said:
        return _IN_FORMATS.get(request.format or "chat-template", _CAPITAL)
    if "haiku" in said:
        sampling = request.sampling
        return _HAIKU[
            (sampling.seed or round((sampling.temperature or 0) * 3) + len(request.format or "")) % len(_HAIKU)
        ]
    known = next((reply for start, reply in _REPLIES.items() if said.startswith(start)), None)
    return known or (_TASK if Mode(request.prompt.mode) is Mode.INSTRUCT else _ABOUT)


def demo_engine(pace: Pace = as_a_small_model) -> ScriptedEngine:
    return ScriptedEngine(reply_to, pace)


def demo_settings() -> SessionSettings:
    files = load_prompt_files()
    return SessionSettings(
        load=Load(model_path="", formats=files.formats),
        sampling=Sampling(),
        tasks=files.tasks,
        find_models=lambda _cancelled: iter(_MODELS),
    )
