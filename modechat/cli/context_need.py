"""How long a context one task may need: a longer one only takes time and memory. Pure."""

from __future__ import annotations

from modechat.engine.protocol import Generate, InstructPrompt

_REPLY = 4096  # tokens of a reply that has no limit; more is told as cut
_TEMPLATE = (
    1024  # tokens that a template or the examples of a format add, at most by all known ones
)
_STEP = 1024
_LEAST = 2048


def n_ctx_needed(request: Generate) -> int:
    """Tokens that a prompt and its reply take at most: a token is a byte or longer, in every common vocabulary."""
    prompt = request.prompt
    if isinstance(prompt, InstructPrompt):
        texts = [prompt.instruction, prompt.input, prompt.prefill, prompt.system]
        texts += [
            text
            for example in prompt.examples
            for text in (example.instruction, example.input, example.response)
        ]
    else:
        texts = [prompt.prefill, *(message.content for message in prompt.messages)]
    n_bytes = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    needed = n_bytes + _TEMPLATE + (request.sampling.max_tokens or _REPLY)
    return max(_LEAST, -(-needed // _STEP) * _STEP)
