"""Conversations on disk, in SQLite: what was typed is kept before the model sees it, whatever is killed."""

from modechat.store.conversations import Store
from modechat.store.failures import ConversationDamaged
from modechat.store.locks import ConversationInUse
from modechat.store.search import Found
from modechat.store.summaries import ConversationSummary

__all__ = ["ConversationDamaged", "ConversationInUse", "ConversationSummary", "Found", "Store"]
