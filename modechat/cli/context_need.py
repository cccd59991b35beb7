"""The context that one task may need: a longer one only takes time and memory. Pure."""

from __future__ import annotations

from modechat.engine.protocol import Generate, InstructPrompt

_REPLY = 4096  # tokens of a reply that has no limit; more is told as cut
_TEMPLATE = 1024  # tokens that a template or the examples of a format add at most
_STEP = 1024
_MIN = 2048


def n_ctx_needed(request: Generate) -> int:
    """Return the tokens that a prompt and its reply take at most.

    A token is a byte or longer, in every common vocabulary.
    """
    prompt = request.prompt
    if isinstance(prompt, InstructPrompt):
        texts = [prompt.instruction, prompt.input, prompt.prefill, prompt.system]
        for example in prompt.examples:
            texts += [example.instruction, example.input, example.response]
    else:
        texts = [prompt.prefill, *(message.content for message in prompt.messages)]
    n_bytes = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    needed = n_bytes + _TEMPLATE + (request.sampling.max_tokens or _REPLY)
    return max(_MIN, -(-needed // _STEP) * _STEP)
