"""The actions for the text at the prompt."""

from __future__ import annotations

from modechat.commands.action import Action, Group, Moment, edit

PROMPT = (
    Action(
        "send",
        ("enter",),
        "Send",
        "Send the message",
        in_palette=False,
        is_binding=False,
        hint="sends",
        moments=(Moment.IDLE,),
        group=Group.PROMPT,
    ),
    Action(
        "newline",
        (
            "shift+enter",
            "ctrl+j",
        ),
        "New line",
        "Begin a new line; also Alt+Enter, or Enter after a backslash",
        in_palette=False,
        is_binding=False,
        group=Group.PROMPT,
    ),
    Action(
        "recall",
        (
            "up",
            "down",
        ),
        "Earlier messages",
        "At the first and the last line: go through what was sent before",
        in_palette=False,
        is_binding=False,
        group=Group.PROMPT,
    ),
    Action(
        "search_history",
        (
            "alt+r",
            "f9",
        ),
        "Search what was sent",
        "Find something that was sent before",
        slash="history",
        words="[NUMBER]",
        typed_help="Find what was sent before, or begin a message with entry NUMBER",
        group=Group.PROMPT,
    ),
    Action(
        "take_back",
        ("alt+up",),
        "Take back what is queued",
        "Bring what is queued back; also Up, at the empty prompt",
        group=Group.PROMPT,
    ),
    Action(
        "complete",
        ("tab",),
        "Complete",
        "Complete a command; or a file after @, to attach its text",
        in_palette=False,
        is_binding=False,
        group=Group.PROMPT,
    ),
    Action(
        "open_paste",
        ("alt+o",),
        "Open pasted text",
        "Show the pasted text in place of its token; also Tab",
        group=Group.PROMPT,
    ),
    Action(
        "edit_in_editor",
        (
            "alt+e",
            "f5",
        ),
        "Write in an editor",
        "Write the message in $VISUAL or $EDITOR",
        slash="editor",
        needs_screen=True,
        group=Group.PROMPT,
    ),
    Action(
        "toggle_mode",
        ("shift+tab",),
        "Switch mode",
        "Change between chat and instruct mode",
        slash="mode",
        hint="mode",
        moments=(Moment.IDLE,),
        group=Group.PROMPT,
    ),
    Action(
        "choose_task",
        (),
        "Tasks",
        "Choose a named task",
        slash="task",
        words="[NAME …]",
        typed_help="Do a named task; write its text below the command",
        group=Group.PROMPT,
    ),
    Action(
        "inspect",
        ("f2",),
        "Prompt inspector",
        "Show the exact prompt of the next turn, or of an earlier one",
        slash="prompt",
        words="[TEXT]",
        group=Group.PROMPT,
    ),
)

EDITING = (
    edit(
        "undo",
        (
            "ctrl+underscore",
            "ctrl+slash",
        ),
        "Undo the last change",
    ),
    edit(
        "redo",
        (
            "ctrl+circumflex_accent",
            "alt+z",
        ),
        "Redo what was undone",
    ),
    edit("cut", ("ctrl+x",), "Cut the selected text, or the line"),
    edit("paste", ("ctrl+v",), "Paste what was copied in modechat"),
    edit("select_all", ("f7",), "Select all"),
    edit("select_line", ("f6",), "Select the line"),
    edit(
        "delete_word",
        (
            "ctrl+w",
            "alt+backspace",
        ),
        "Delete the previous word",
        "delete_word_left",
    ),
    edit(
        "delete_next_word",
        (
            "alt+delete",
            "ctrl+delete",
        ),
        "Delete the next word",
        "delete_word_right",
    ),
    edit("delete_next", ("ctrl+d",), "Delete the next character", "delete_right"),
    edit(
        "delete_before",
        ("ctrl+u",),
        "Delete to the beginning of the line",
        "delete_to_start_of_line",
    ),
    edit(
        "delete_after",
        ("ctrl+k",),
        "Delete to the end of the line",
        "delete_to_end_of_line_or_delete_line",
    ),
    edit("delete_line", ("ctrl+shift+k",), "Delete the line"),
    edit("line_start", ("ctrl+a",), "To the beginning of the line", "cursor_line_start"),
    edit("line_end", ("ctrl+e",), "To the end of the line", "cursor_line_end"),
)
