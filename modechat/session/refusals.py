"""Why a command did nothing, where several commands have the same reason."""

from __future__ import annotations

from modechat.domain.modes import Incomplete

BUSY = Incomplete("A reply is being written: Esc stops it.")
COMPARING = Incomplete("Replies are being compared: keep one, or close the comparison first.")
CLOSED = Incomplete("modechat is closing.")
NOT_LOADED = Incomplete("The model is not loaded yet.")
