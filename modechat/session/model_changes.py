"""What the user should know when another model has taken the place of the one before."""

from __future__ import annotations

from modechat.engine.protocol import ModelInfo


def note_on_change(before: ModelInfo | None, after: ModelInfo) -> str:
    """One sentence on the new model, and one on what is different of what matters to a conversation."""
    note = f"The model is now {after.name}; the conversation goes on with it."
    if before is None:
        return note
    different = [
        f"{what} {old} → {new}"
        for what, old, new in (
            ("format", before.format, after.format),
            ("context", f"{before.n_ctx:,}", f"{after.n_ctx:,} tokens"),
            ("device", before.device, after.device),
        )
        if old != new.removesuffix(" tokens")
    ]
    if before.sees_history and not after.sees_history:
        different.append("it sees the last message only")
    return f"{note} Different: {', '.join(different)}." if different else note
