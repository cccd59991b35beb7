"""Stores conversations on disk, in SQLite.

Typed text is saved before the model sees it, so a killed program loses none of it.
"""

from modechat.store.conversations import Store
from modechat.store.failures import ConversationDamaged
from modechat.store.locks import ConversationInUse

__all__ = ["ConversationDamaged", "ConversationInUse", "Store"]
