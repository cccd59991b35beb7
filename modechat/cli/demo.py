"""`modechat --demo`: the interface with scripted replies. Also the scene of the screenshots."""

from __future__ import annotations

from modechat.domain.modes import Mode
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import Generate, Load
from modechat.engine.scripted import Pace, ScriptedEngine, as_a_small_model, last_user_text
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


def reply_to(request: Generate) -> str:
    """A reply by what the message begins with."""
    said = last_user_text(request).casefold()
    known = next((reply for start, reply in _REPLIES.items() if said.startswith(start)), None)
    return known or (_TASK if Mode(request.prompt.mode) is Mode.INSTRUCT else _ABOUT)


def demo_engine(pace: Pace = as_a_small_model) -> ScriptedEngine:
    return ScriptedEngine(reply_to, pace)


def demo_settings() -> SessionSettings:
    files = load_prompt_files()
    return SessionSettings(load=Load(model_path="", formats=files.formats), sampling=Sampling(), tasks=files.tasks)
