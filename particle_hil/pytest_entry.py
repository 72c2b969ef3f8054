"""The pytest entry point: what `pytest` loads when particle-hil is installed."""
