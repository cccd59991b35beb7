"""Finding actions by words: those of their names and descriptions, and others that people have for the same."""

from __future__ import annotations

from collections.abc import Sequence

from modechat.commands.actions import ACTIONS, Action

_FIRST = (
    *(
        "new_conversation",
        "conversations",
        "choose_model",
        "settings",
        "toggle_mode",
        "choose_task",
        "regenerate",
    ),
    *(
        "continue_reply",
        "edit_message",
        "copy_message",
        "message_menu",
        "compare",
        "inspect",
        "choose_theme",
        "help",
    ),
    "quit",
)
"""What is wanted most often, in this order."""
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
    "conversations": "open history search find list rename delete remove load switch sessions chats",
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
    "settings": "options preferences config configuration temperature top_p top_k min_p seed sampling penalty "
    "max_tokens system prompt persona context size n_ctx",
    "choose_adapters": "lora fine-tune finetune",
    "retry_with_less": "reload memory crash",
    "show_log": "errors debug problems",
    "help": "keys shortcuts commands manual usage",
    "quit": "exit leave close bye end",
}


def in_palette() -> tuple[Action, ...]:
    """The actions of the palette: what is wanted most often, then the others in the order of the table."""
    shown = {action.id: action for action in ACTIONS if action.in_palette}
    return (*(shown.pop(action_id) for action_id in _FIRST), *shown.values())


def rank(words: str, label: str, *others: str) -> int | None:
    """How well something that is called `label` fits: the less the better; None if it does not.

    Each word must begin a word of the label or of the `others`, of which the first count most, or stand in the label.
    """
    ranks = [_rank_of_word(word, label, others) for word in words.casefold().split()]
    return (
        None
        if any(found is None for found in ranks)
        else max((found or 0 for found in ranks), default=0)
    )


def rank_of_action(words: str, action: Action, label: str) -> int | None:
    """As `rank`, of an action that is called `label` now."""
    name = f"/{action.slash} {action.slash} {action.id.replace('_', ' ')}"
    return rank(words, label, f"{name} {_SYNONYMS.get(action.id, '')}", action.help)


def _rank_of_word(word: str, label: str, others: Sequence[str]) -> int | None:
    texts = [label.casefold(), *(text.casefold() for text in others)]
    for at, text in enumerate(texts):
        if any(one.strip("(),;.:“”").startswith(word) for one in text.split()):
            return at
    return len(texts) if word in texts[0] else None
