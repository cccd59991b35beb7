"""Who does the actions of the table: each class has methods that are named as the actions that it
does.
"""
