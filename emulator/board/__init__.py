"""The hardware of a board: what outlives a boot, and what a person can touch or see."""
