"""The one table of actions: bindings, hints, palette, typed commands, help screen and the README's tables come from it.

Which keys are in force says `keymap.py`: users give actions other keys.
"""

from __future__ import annotations

from modechat.commands.action import Action as Action
from modechat.commands.action import Group as Group
from modechat.commands.action import Moment as Moment
from modechat.commands.action import edit
from modechat.commands.keys import key_name as key_name

ACTIONS = (
    # Prompt
    Action(
        *("send", ("enter",), "Send", "Send the message"),
        in_palette=False,
        is_binding=False,
        group=Group.PROMPT,
        hint="sends",
        moments=(Moment.IDLE,),
    ),
    Action(
        *("newline", ("shift+enter", "ctrl+j"), "New line"),
        "Begin a new line; also Alt+Enter, or Enter after a backslash",
        in_palette=False,
        is_binding=False,
        group=Group.PROMPT,
    ),
    Action(
        *("recall", ("up", "down"), "Earlier messages"),
        "At the first and the last line: go through what was sent before",
        in_palette=False,
        is_binding=False,
        group=Group.PROMPT,
    ),
    Action(
        *(
            "search_history",
            ("alt+r", "f9"),
            "Search what was sent",
            "Find something that was sent before",
        ),
        slash="history",
        words="[NUMBER]",
        group=Group.PROMPT,
    ),
    Action(
        *(
            "take_back",
            ("alt+up",),
            "Take back what is queued",
            "Bring what is queued back; also Up, at the empty prompt",
        ),
        group=Group.PROMPT,
    ),
    Action(
        *(
            "complete",
            ("tab",),
            "Complete",
            "Complete a command; or a file after @, to attach its text",
        ),
        in_palette=False,
        is_binding=False,
        group=Group.PROMPT,
    ),
    Action(
        *("open_paste", ("alt+o",), "Open pasted text"),
        "Put the pasted text in the place of its token; also Tab",
        group=Group.PROMPT,
    ),
    Action(
        *(
            "edit_in_editor",
            ("alt+e", "f5"),
            "Write in an editor",
            "Write the message in $VISUAL or $EDITOR",
        ),
        slash="editor",
        needs_screen=True,
        group=Group.PROMPT,
    ),
    Action(
        *("toggle_mode", ("shift+tab",), "Switch mode", "Change between chat and instruct mode"),
        group=Group.PROMPT,
        hint="mode",
        moments=(Moment.IDLE,),
        slash="mode",
    ),
    Action(
        *("choose_task", (), "Tasks", "Do a named task; its text goes into the lines below"),
        slash="task",
        words="[NAME …]",
        group=Group.PROMPT,
    ),
    Action(
        *("inspect", ("f2",), "Prompt inspector"),
        "Show the exact prompt of the next turn, or of an earlier one",
        slash="prompt",
        words="[TEXT]",
        group=Group.PROMPT,
    ),
    # Reply
    Action(
        *("stop", ("escape",), "Stop", "Stop the reply; what has come is kept"),
        group=Group.REPLY,
        hint="stops",
        moments=(Moment.BUSY, Moment.SELECTED_BUSY),
        slash="stop",
    ),
    Action(
        *("regenerate", ("ctrl+r",), "Regenerate", "Ask for another reply to the last message"),
        group=Group.REPLY,
        slash="regenerate",
    ),
    Action(
        *("continue_reply", (), "Continue the reply", "Go on with the last reply where it was cut"),
        slash="continue",
        group=Group.REPLY,
    ),
    Action(
        *("try_format", ("ctrl+right_square_bracket",), "Try another format"),
        "Ask the last message again in the next best prompt format",
        group=Group.REPLY,
        slash="reformat",
    ),
    Action(
        *(
            "run_in_other_mode",
            ("ctrl+t",),
            "Try the other mode",
            "Repeat the last turn in the other mode",
        ),
        group=Group.REPLY,
        slash="other",
    ),
    Action(
        *("toggle_in_chat", ("ctrl+g",), "Add to chat"),
        "Bring the last instruct turn into the chat, or take it out",
        group=Group.REPLY,
        slash="add",
    ),
    Action(
        *("compare", ("f10", "alt+c", "ctrl+s"), "Compare replies"),
        "Ask one message in several ways side by side; keep one reply",
        slash="compare",
        needs_screen=True,
        words="[TEXT]",
        group=Group.REPLY,
    ),
    Action(
        *("toggle_thinking", (), "Thinking", "Have a reasoning model think first, or not"),
        slash="think",
        words="[on/off/auto]",
        group=Group.REPLY,
    ),
    # Conversation
    Action(
        *(
            "new_conversation",
            ("ctrl+n",),
            "New conversation",
            "Leave this conversation and begin a new one",
        ),
        slash="new",
    ),
    Action(
        *(
            "conversations",
            ("ctrl+o",),
            "Conversations",
            "Search, open, rename or delete conversations",
        ),
        slash="open",
        words="[NUMBER]",
    ),
    Action(
        *("delete_conversation", (), "Delete a conversation"),
        "Delete the conversation of this number, when asked twice",
        in_palette=False,
        is_binding=False,
        slash="delete",
        words="NUMBER",
    ),
    Action(
        *(
            "toggle_pin",
            (),
            "Pin the chat turn",
            "Have the last chat turn stay when the context is full, or not",
        ),
        slash="pin",
    ),
    Action(
        *("compact", (), "Compact the chat", "Have the model summarise what leaves the context"),
        slash="compact",
    ),
    Action(
        *(
            "tell_status",
            (),
            "Status",
            "Say the mode, the model, its format and how full the context is",
        ),
        in_palette=False,
        slash="status",
    ),
    # Message
    Action(
        *(
            "select_earlier",
            ("ctrl+up",),
            "Select a message",
            "Select the message before; at first the last in view",
        ),
        group=Group.MESSAGE,
        hint="before",
        moments=(Moment.SELECTED, Moment.SELECTED_BUSY),
    ),
    Action(
        *("select_later", ("ctrl+down",), "Select the message after", "Select the message after"),
        in_palette=False,
        group=Group.MESSAGE,
    ),
    Action(
        *("message_menu", ("f8",), "What to do with the message"),
        "Choose what to do with the selected message, or the last one",
        group=Group.MESSAGE,
        hint="what to do with it",
        moments=(Moment.SELECTED, Moment.SELECTED_BUSY),
        slash="message",
        needs_screen=True,
    ),
    Action(
        *(
            "copy_message",
            (),
            "Copy the message",
            "Copy the message or the reply as it was written",
        ),
        group=Group.MESSAGE,
        slash="copy",
        needs_screen=True,
    ),
    Action(
        *("copy_code", (), "Copy the code", "Copy the last code block of the reply"),
        group=Group.MESSAGE,
    ),
    Action(
        *("save_code", (), "Save the code", "Save the last code block of the reply"),
        group=Group.MESSAGE,
    ),
    Action(
        *("quote_message", (), "Quote", "Quote the reply at the prompt, or the selected text"),
        group=Group.MESSAGE,
        slash="quote",
        needs_screen=True,
    ),
    Action(
        *("edit_message", (), "Edit and send again", "Edit the message, and send it in its place"),
        group=Group.MESSAGE,
        slash="edit",
        needs_screen=True,
    ),
    Action(
        *(
            "earlier_variant",
            ("alt+left", "ctrl+b"),
            "Variant before",
            "Show the variant before of a regenerated or edited turn",
        ),
        group=Group.MESSAGE,
    ),
    Action(
        *("later_variant", ("alt+right", "ctrl+l"), "Variant after", "Show the variant after"),
        group=Group.MESSAGE,
    ),
    Action(
        *("delete_message", (), "Delete the message", "Delete the message and its reply"),
        group=Group.MESSAGE,
    ),
    # View
    Action(
        *("scroll_back", ("pageup",), "Scroll up", "Show what was written earlier"),
        in_palette=False,
        group=Group.VIEW,
        slash="earlier",
    ),
    Action(
        *("scroll_forward", ("pagedown",), "Scroll down", "Go back towards the end"),
        in_palette=False,
        group=Group.VIEW,
    ),
    Action(
        *("follow", ("ctrl+end",), "To the end"),
        "Go to the end and follow it; also End, at the empty prompt",
        group=Group.VIEW,
    ),
    Action(
        *(
            "toggle_thinking_view",
            ("ctrl+y",),
            "Unfold thinking",
            "Show what the model thought, or fold it",
        ),
        group=Group.VIEW,
        slash="thoughts",
    ),
    Action(
        *("choose_theme", (), "Theme", "Change the colours"),
        group=Group.VIEW,
        slash="theme",
        needs_screen=True,
    ),
    # Program
    Action(
        *("choose_format", (), "Prompt format", "Choose how messages become the model's prompt"),
        slash="format",
        words="[NAME/auto]",
        group=Group.PROGRAM,
    ),
    Action(
        *(
            "choose_model",
            ("f3",),
            "Models",
            "Choose another model; with a path: go on with that file",
        ),
        slash="model",
        words="[PATH]",
        group=Group.PROGRAM,
    ),
    Action(
        *("settings", ("f4",), "Settings", "Change sampling, context, system prompts and format"),
        slash="settings",
        words="[NAME VALUE]",
        group=Group.PROGRAM,
    ),
    Action(
        *("choose_adapters", (), "LoRA adapters"),
        "Apply an adapter (FILE:SCALE), or none; alone: which ones are",
        slash="lora",
        words="[FILE/off]",
        group=Group.PROGRAM,
    ),
    Action(
        *("retry_with_less", (), "Retry with less memory"),
        "Load the model with less memory, as offered after it failed",
        slash="retry",
        group=Group.PROGRAM,
    ),
    Action(
        *("palette", ("ctrl+p",), "Commands", "Find any of these by name"),
        in_palette=False,
        group=Group.PROGRAM,
        hint="commands",
        moments=(Moment.IDLE,),
    ),
    Action(
        *("show_log", ("f12",), "Log", "Show the engine's log, and what went wrong"),
        slash="log",
        group=Group.PROGRAM,
    ),
    Action(
        *("help", ("f1", "ctrl+backslash"), "Help", "Show the modes, the keys and the commands"),
        slash="help",
        group=Group.PROGRAM,
        hint="help",
        moments=(Moment.IDLE,),
    ),
    Action(
        *(
            "interrupt",
            ("ctrl+c",),
            "Copy",
            "Copy the selected text; without one: stop, then clear",
        ),
        in_palette=False,
        group=Group.PROGRAM,
    ),
    Action(
        *(
            "suspend",
            ("ctrl+z",),
            "Suspend",
            "Go back to the shell for a while; fg there comes back",
        ),
        group=Group.PROGRAM,
    ),
    Action(
        *("quit", ("ctrl+q",), "Quit", "Leave modechat; everything is saved"),
        group=Group.PROGRAM,
        slash="quit",
    ),
    # Editing
    edit("undo", ("ctrl+underscore", "ctrl+slash"), "Undo the last change"),
    edit("redo", ("ctrl+circumflex_accent", "alt+z"), "Do it again"),
    edit("cut", ("ctrl+x",), "Cut the selected text, or the line"),
    edit("paste", ("ctrl+v",), "Paste what was copied in modechat"),
    edit("select_all", ("f7",), "Select all"),
    edit("select_line", ("f6",), "Select the line"),
    edit("delete_word", ("ctrl+w", "alt+backspace"), "Delete the word before", "delete_word_left"),
    edit(
        "delete_next_word",
        ("alt+delete", "ctrl+delete"),
        "Delete the word after",
        "delete_word_right",
    ),
    edit("delete_next", ("ctrl+d",), "Delete the character after", "delete_right"),
    edit(
        "delete_before", ("ctrl+u",), "Delete what is before in the line", "delete_to_start_of_line"
    ),
    edit(
        "delete_after",
        ("ctrl+k",),
        "Delete what is after in the line",
        "delete_to_end_of_line_or_delete_line",
    ),
    edit("delete_line", ("ctrl+shift+k",), "Delete the line"),
    edit("line_start", ("ctrl+a",), "To the beginning of the line", "cursor_line_start"),
    edit("line_end", ("ctrl+e",), "To the end of the line", "cursor_line_end"),
)


MODES = (
    ("### Instruction", "alone: every message is a task of its own, without history"),
    ("### Instruction …", "with text: this one message is a task"),
    (
        "### Input",
        "in a task: the text to work on; empty at its end: every following message is an input",
    ),
    ("### Response", "at the end of a task: how the reply starts"),
    ("### Chat", "alone: back to the chat; with text: this one message is chat"),
    ("\\### …", "sends the text itself"),
)
"""What can be typed to change the mode, and what it does."""


def slash_usage(action: Action) -> str:
    """The command as the help writes it: `/think [on/off/auto]`."""
    return f"/{action.slash} {action.words}".rstrip()


def slash_table(*, without_screen: bool = False) -> tuple[tuple[str, str], ...]:
    """The commands at the prompt and what they do, in the order of the help screen and the README."""
    shown = (
        action
        for action in ACTIONS
        if action.slash and not (without_screen and action.needs_screen)
    )
    return tuple((slash_usage(action), action.help) for action in shown)
