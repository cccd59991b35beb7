"""llama.cpp's own server code, without a server: load a model, answer once, end. Runs in a Python
that has xllamacpp.

Arguments: the model's file, the question, the longest reply in tokens, threads. No warm-up, one
slot.
"""

from __future__ import annotations

import sys

import xllamacpp


def main() -> None:
    model, question, tokens, threads = sys.argv[1:]
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_ctx = 1024
    params.n_parallel = 1
    params.warmup = False
    params.cpuparams.n_threads = int(threads)
    server = xllamacpp.Server(params)
    request = {
        "messages": [{"role": "user", "content": question}],
        "max_tokens": int(tokens),
        "temperature": 0,
    }
    print(server.handle_chat_completions(request)["choices"][0]["message"]["content"])


if __name__ == "__main__":
    main()
