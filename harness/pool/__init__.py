"""The pool: who may use a real board and when, which boards are fit to be used, and what a test needs of one."""
