"""Writes the notes for the user after another model has replaced the previous one."""

from __future__ import annotations

from pathlib import PurePath

from modechat.domain.lora import lora_label
from modechat.engine.protocol import Load, ModelInfo


def note_on_change(before: ModelInfo, after: ModelInfo) -> str:
    """Return a note on the new model and on the differences that matter to a conversation."""
    if before.path == after.path:
        note = f"{after.name} was loaded again."
    else:
        note = f"The model is now {after.name}; the conversation goes on with it."
    different = [
        f"{what} {old} → {new}{unit}"
        for what, old, new, unit in (
            ("format", before.format, after.format, ""),
            ("context", f"{before.n_ctx:,}", f"{after.n_ctx:,}", " tokens"),
            ("device", str(before.placement), str(after.placement), ""),
        )
        if old != new
    ]
    if before.sees_history and not after.sees_history:
        different.append("it sees the last message only")
    return f"{note} Different: {', '.join(different)}." if different else note


def note_on_adapters_and_draft(before: Load, after: Load) -> str:
    """Return a note on the adapters and the draft model that stay behind with the previous model.

    Empty if there are none.
    """
    left = [
        f"the LoRA adapter {lora_label(one.path, one.scale)}"
        for one in before.adapters
        if one not in after.adapters
    ]
    if before.draft_path is not None and before.draft_path != after.draft_path:
        left.append(f"the draft model {PurePath(before.draft_path).stem}")
    return (
        f"Not used any more, because it belongs to the model before: {', '.join(left)}."
        if left
        else ""
    )
