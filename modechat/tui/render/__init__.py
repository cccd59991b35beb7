"""Text as rows of a given width, without a widget: Markdown that grows, code, tables.

Knows no colours.
"""
