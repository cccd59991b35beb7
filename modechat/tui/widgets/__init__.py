"""The widgets of the screens.

Data comes down by method calls, messages go up. No widget does I/O or reaches into another's
children.
"""
