"""The handlers of the actions of the table: each class has methods named as the actions."""
