"""From a request to its reply: prompts that fit, sampling, guesses, and text on its way out."""
