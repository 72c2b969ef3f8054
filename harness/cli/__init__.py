"""The `particle-hil` command: a room per verb, imported only when it is used."""
