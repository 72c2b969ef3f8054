"""Boards and a cloud that behave as the real ones, and the doors through which others reach them."""
