"""The face of the project: its public names, the pytest entry point and the command. No logic."""
