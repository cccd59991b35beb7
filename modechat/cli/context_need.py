"""Estimates the context that one task may need, because a longer one costs time and memory."""

from __future__ import annotations

from modechat.engine.protocol import Generate, InstructPrompt

_REPLY = 4096  # tokens of a reply without a limit; a longer reply is reported as cut
_TEMPLATE = 1024  # the most tokens that a template or the examples of a format add
_STEP = 1024
_MIN = 2048


def n_ctx_needed(request: Generate) -> int:
    """Return the most tokens that a prompt and its reply can take.

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
