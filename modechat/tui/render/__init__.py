"""Text as rows of a given width, without widgets and colours: growing Markdown, code, tables."""
