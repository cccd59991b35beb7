"""From a request to its reply: prompts that fit, tokens sampled, guessed and checked, and text on its way out."""
