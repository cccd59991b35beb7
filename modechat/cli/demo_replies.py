"""The demo's replies, by the beginning of the message: a conversation as with a real model."""

from __future__ import annotations

ABOUT = """\
This is a **demo**: the replies are scripted, no model runs. With a real model you get the same \
two modes:

1. In **chat** I see everything that we said.
2. Type `### Instruction` and each message becomes a task of its own, without history.

```python
def greet(name: str) -> str:
    return f"Hello, {name}!"
```

Ask me what quantization does, or to think about rain. Type `### Chat` to come back."""
"""The reply to any other message in chat mode."""

TASK = (
    "This is a scripted answer to a single task. "
    "The chat does not see it, and it did not see the chat."
)
"""The reply to any other message in instruct mode."""

_ALPACA = """\
Alpaca is a way to write down tasks for a language model, published by Stanford in 2023. A task \
has up to three parts:

- an **instruction**: what to do
- an **input**: the text to work on, if there is one
- a **response**: what the model writes

Each task stands for itself: there is no history."""

_QUANTIZATION = """\
It stores each weight in **fewer bits**. The model gets smaller and faster, and a little less \
exact. For a model with \
3.2 billion weights:

| type | bits a weight | file | what you notice |
| --- | ---: | ---: | --- |
| `F16` | 16.0 | 6.4 GB | the original |
| `Q8_0` | 8.5 | 3.4 GB | nothing |
| `Q5_K_M` | 5.7 | 2.3 GB | next to nothing |
| `Q4_K_M` | 4.9 | 2.0 GB | a few slips in code and arithmetic |

Rules of thumb:

1. Take the largest file that leaves room for the context.
2. More weights with fewer bits beat fewer weights with more bits, *down to about four bits*."""

_ROUNDING = """\
Weights are rounded in blocks of 32 that share one scale:

```python
def quantize(block: list[float]) -> tuple[float, list[int]]:
    \"""Round a block of weights to 8 bits.\"""
    scale = max(abs(weight) for weight in block) / 127 or 1.0
    return scale, [round(weight / scale) for weight in block]
```

- [x] 32 numbers of 8 bits and a scale of 16 bits: `8.5` bits a weight
- [ ] K types also choose *which* weights deserve more bits"""

_TODO = """\
- [ ] Send the contract back by **Friday**
- [ ] Ask Wei (王伟) for the photos of the launch 🚀
- [ ] Book the room for twelve people"""

_RAIN = """\
<think>The user wants to see how thinking looks. It belongs apart from the answer: one line that \
counts its words \
while they come, and opens with a click or Ctrl+Y.

What I say here is plain text, so **nothing** in it is formatted. Now the answer, in one \
sentence.</think>
I thought about it first: the line above opens with **Ctrl+Y**."""

_TRAIN = """\
<think>Both trains close the gap together: 90 + 60 = 150 km every hour. The gap is 225 km, so 225 \
/ 150 = 1.5 hours. \
They started at 14:20, so they meet at 15:50.

Check: the first has gone 135 km, the second 90 km. 135 + 90 = 225. Right.</think>
They meet at **15:50**, after an hour and a half:

> 225 km / (90 km/h + 60 km/h) = 1.5 h

By then the first train has gone 135 km, the second 90 km."""

REPLIES = {
    "hello": "Hello! I am a scripted demo. Ask me what you like; I only know a few answers.",
    "what is alpaca": _ALPACA,
    "what does quantization": _QUANTIZATION,
    "how is a block rounded": _ROUNDING,
    "list what i have to do": _TODO,
    "translate into spanish": "Te quiero.",
    "two trains": _TRAIN,
    "think": _RAIN,
}
