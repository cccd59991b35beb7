"""The one table of actions: bindings, palette, typed commands, help screen and the README's tables come from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """Something that the user can do. `id` is also the name of the method that does it."""

    id: str
    keys: tuple[str, ...]
    """As Textual names them; the first is shown."""
    label: str
    help: str
    in_palette: bool = True
    is_binding: bool = True
    """False: the prompt handles the keys itself, or there are none."""
    slash: str = ""
    """Its command at the prompt, without the slash; empty if it has none."""
    words: str = ""
    """What may follow the command, as the help writes it."""


ACTIONS = (
    Action("send", ("enter",), "Send", "Send the message", in_palette=False, is_binding=False),
    Action(
        "newline",
        ("shift+enter", "ctrl+j"),
        "New line",
        "Begin a new line; also Alt+Enter, or Enter after a backslash",
        in_palette=False,
        is_binding=False,
    ),
    Action(
        "recall",
        ("up", "down"),
        "Earlier messages",
        "At the first and the last line: go through what was sent before",
        in_palette=False,
        is_binding=False,
    ),
    Action("search_history", ("alt+r", "ctrl+up"), "Search what was sent", "Find something that was sent before"),
    Action("take_back", ("alt+up",), "Take back what is queued", "Bring what is queued back to the prompt"),
    Action(
        "complete",
        ("tab",),
        "Complete",
        "Complete a command; or a file after @, to attach its text",
        in_palette=False,
        is_binding=False,
    ),
    Action("open_paste", ("alt+o",), "Open pasted text", "Put the pasted text in the place of its token at the cursor"),
    Action(
        "edit_in_editor",
        ("alt+e", "f4"),
        "Write in an editor",
        "Write the message in $VISUAL or $EDITOR",
        slash="editor",
    ),
    Action("undo", ("ctrl+z",), "Undo", "Undo a change of the text", in_palette=False),
    Action("redo", ("alt+z", "ctrl+shift+z"), "Redo", "Do again what was undone", in_palette=False),
    Action("stop", ("escape",), "Stop", "Stop the reply; what has come is kept", slash="stop"),
    Action("toggle_mode", ("shift+tab",), "Switch mode", "Change between chat and instruct mode", slash="mode"),
    Action("regenerate", ("ctrl+r",), "Regenerate", "Ask for another reply to the last message", slash="regenerate"),
    Action(
        "continue_reply",
        (),
        "Continue the reply",
        "Go on with the last reply where it was cut",
        is_binding=False,
        slash="continue",
    ),
    Action(
        "retry_with_less",
        (),
        "Retry with less memory",
        "Load the model with less memory, as offered after it failed",
        is_binding=False,
        slash="retry",
    ),
    Action(
        "try_format",
        ("ctrl+f",),
        "Try another format",
        "Ask the last message again in the next best prompt format",
        slash="reformat",
    ),
    Action(
        "run_in_other_mode",
        ("ctrl+t",),
        "Try the other mode",
        "Repeat the last turn in the other mode",
        slash="other",
    ),
    Action(
        "toggle_in_chat",
        ("ctrl+g",),
        "Add to chat",
        "Bring the last instruct turn into the chat, or take it out",
        slash="add",
    ),
    Action(
        "toggle_pin",
        (),
        "Pin the chat turn",
        "Have the last chat turn stay when the context is full, or not",
        is_binding=False,
        slash="pin",
    ),
    Action(
        "compact",
        (),
        "Compact the chat",
        "Have the model summarise what leaves the context",
        is_binding=False,
        slash="compact",
    ),
    Action(
        "inspect",
        ("f2",),
        "Prompt inspector",
        "Show the exact prompt of the next turn, or of an earlier one",
        slash="prompt",
        words="[TEXT]",
    ),
    Action(
        "toggle_thinking_view",
        ("ctrl+y",),
        "Unfold thinking",
        "Show what the model thought, or fold it",
        slash="thoughts",
    ),
    Action(
        "toggle_thinking",
        (),
        "Thinking",
        "Have a reasoning model think first, or not",
        is_binding=False,
        slash="think",
        words="[on/off/auto]",
    ),
    Action(
        "choose_task",
        (),
        "Tasks",
        "Do a named task; its text goes into the lines below",
        is_binding=False,
        slash="task",
        words="[NAME …]",
    ),
    Action(
        "choose_format",
        (),
        "Prompt format",
        "Choose how messages become the model's prompt",
        is_binding=False,
        slash="format",
        words="[NAME/auto]",
    ),
    Action(
        "choose_model",
        (),
        "Model",
        "Go on with another model file; alone: which one it is",
        is_binding=False,
        slash="model",
        words="[PATH]",
    ),
    Action(
        "choose_adapters",
        (),
        "LoRA adapters",
        "Apply an adapter (FILE:SCALE), or none; alone: which ones are",
        is_binding=False,
        slash="lora",
        words="[FILE/off]",
    ),
    Action(
        "tell_status",
        (),
        "Status",
        "Say the mode, the model, its format and how full the context is",
        in_palette=False,
        is_binding=False,
        slash="status",
    ),
    Action(
        "new_conversation",
        ("ctrl+n",),
        "New conversation",
        "Leave this conversation and begin a new one",
        slash="new",
    ),
    Action(
        "conversations",
        ("ctrl+o",),
        "Conversations",
        "Open or delete an earlier conversation",
        slash="open",
        words="[NUMBER]",
    ),
    Action(
        "delete_conversation",
        (),
        "Delete a conversation",
        "Delete the conversation of this number, when asked twice",
        in_palette=False,
        is_binding=False,
        slash="delete",
        words="NUMBER",
    ),
    Action("scroll_back", ("pageup",), "Scroll up", "Show what was written earlier", in_palette=False, slash="earlier"),
    Action("scroll_forward", ("pagedown",), "Scroll down", "Go back towards the end", in_palette=False),
    Action("follow", ("ctrl+end",), "To the end", "Go to the end and follow the reply"),
    Action("help", ("f1",), "Help", "Show the modes, the keys and the commands", slash="help"),
    Action("interrupt", ("ctrl+c",), "Copy", "Copy the selected text; without one: stop, then clear", in_palette=False),
    Action("quit", ("ctrl+q",), "Quit", "Leave modechat; everything is saved", slash="quit"),
)

MODES = (
    ("### Instruction", "alone: every message is a task of its own, without history"),
    ("### Instruction …", "with text: this one message is a task"),
    ("### Input", "in a task: the text to work on; empty at its end: every following message is an input"),
    ("### Response", "at the end of a task: how the reply starts"),
    ("### Chat", "alone: back to the chat; with text: this one message is chat"),
    ("\\### …", "sends the text itself"),
)
"""What can be typed to change the mode, and what it does."""

_KEY_NAMES = {
    "pageup": "Page Up",
    "pagedown": "Page Down",
    "escape": "Esc",
    "f1": "F1",
    "f2": "F2",
    "f4": "F4",
}


def key_name(key: str) -> str:
    """A key as people write it: `Shift+Tab`."""
    return "+".join(_KEY_NAMES.get(part, part.title()) for part in key.split("+"))


def key_names(action: Action) -> str:
    return ", ".join(key_name(key) for key in action.keys)


PALETTE_KEY = "ctrl+p"


def key_table() -> tuple[tuple[str, str], ...]:
    """Keys and what they do, in the order of the help screen and the README."""
    rows = [(key_names(action), action.help) for action in ACTIONS if action.keys]
    return (*rows[:-1], (key_name(PALETTE_KEY), "Find any of these by name, and change the theme"), rows[-1])


def slash_usage(action: Action) -> str:
    """The command as the help writes it: `/think [on/off/auto]`."""
    return f"/{action.slash} {action.words}".rstrip()


def slash_table() -> tuple[tuple[str, str], ...]:
    """The commands at the prompt and what they do, in the order of the help screen and the README."""
    return tuple((slash_usage(action), action.help) for action in ACTIONS if action.slash)
