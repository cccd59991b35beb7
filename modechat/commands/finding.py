"""Finds actions by the words of their names and descriptions, and by synonyms."""

from __future__ import annotations

from collections.abc import Sequence

from modechat.commands.actions import ACTIONS, Action

_FIRST = (
    "new_conversation",
    "conversations",
    "choose_model",
    "settings",
    "toggle_mode",
    "choose_task",
    "regenerate",
    "continue_reply",
    "edit_message",
    "copy_message",
    "message_menu",
    "compare",
    "inspect",
    "choose_theme",
    "help",
    "quit",
)
"""The actions that users want most often, in this order."""
_SYNONYMS = {
    "search_history": "find earlier prompts past messages recall",
    "take_back": "cancel unsend queue",
    "open_paste": "unfold expand",
    "edit_in_editor": "vim nano emacs external compose",
    "suspend": "background shell stop pause",
    "toggle_mode": "change instruct chat instruction toggle",
    "choose_task": "template preset summarise summarize translate rewrite",
    "inspect": "raw tokens view debug see",
    "stop": "cancel abort interrupt halt",
    "regenerate": "again retry redo reroll another answer response",
    "continue_reply": "go on more longer resume",
    "try_format": "template next",
    "run_in_other_mode": "repeat instruct chat",
    "toggle_in_chat": "include context remember",
    "compare": "side by side a/b versus seeds temperatures",
    "toggle_thinking": "reasoning think",
    "new_conversation": "chat clear reset start fresh",
    "conversations": (
        "open history search find list rename delete remove load switch sessions chats"
    ),
    "toggle_pin": "keep stay remember",
    "compact": "summarise summarize shorten context memory",
    "select_earlier": "pick choose reply",
    "message_menu": "copy code delete edit quote",
    "copy_message": "clipboard yank",
    "copy_code": "clipboard yank snippet",
    "save_code": "write file export snippet",
    "quote_message": "cite reply",
    "edit_message": "change correct resend",
    "earlier_variant": "previous alternative branch other",
    "later_variant": "next alternative branch other",
    "delete_message": "remove erase",
    "follow": "bottom scroll down newest",
    "toggle_thinking_view": "reasoning show thoughts",
    "choose_theme": "colours colors colour color dark light appearance look style contrast font",
    "choose_format": "template chatml alpaca llama",
    "choose_model": "gguf load switch change open llm",
    "settings": (
        "options preferences config configuration temperature top_p top_k min_p seed sampling "
        "penalty max_tokens system prompt persona context size n_ctx"
    ),
    "choose_adapters": "lora fine-tune finetune",
    "retry_with_less": "reload memory crash",
    "show_log": "errors debug problems",
    "help": "keys shortcuts commands manual usage",
    "quit": "exit leave close bye end",
}


def in_palette() -> tuple[Action, ...]:
    """Return the actions of the palette: those wanted most often, then the others of the table."""
    shown = {action.id: action for action in ACTIONS if action.in_palette}
    return (*(shown.pop(action_id) for action_id in _FIRST), *shown.values())


def rank(words: str, label: str, *others: str) -> int | None:
    """Return how well an entry called `label` fits: a lower rank is better; None: it does not fit.

    Each word must be part of the label, or begin a word of the label or of the `others`. The first
    of the `others` count most.
    """
    worst = 0
    for word in words.casefold().split():
        rank_of_word = _rank_of_word(word, label, others)
        if rank_of_word is None:
            return None
        worst = max(worst, rank_of_word)
    return worst


def rank_of_action(words: str, action: Action, label: str) -> int | None:
    """Return the `rank` of an action that is called `label` now."""
    name = f"/{action.slash} {action.slash} {action.id.replace('_', ' ')}"
    return rank(
        words, label, f"{name} {_SYNONYMS.get(action.id, '')}", action.command_help, action.help
    )


def _rank_of_word(word: str, label: str, others: Sequence[str]) -> int | None:
    for at, text in enumerate((label, *others)):
        for found in text.casefold().split():
            if found.strip("(),;.:“”").startswith(word):
                return at
    if word in label.casefold():
        return 1 + len(others)
    return None
