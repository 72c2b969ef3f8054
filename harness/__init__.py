"""Drives a board, and judges what it does."""
