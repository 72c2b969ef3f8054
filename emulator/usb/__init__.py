"""The board as a USB device: its connector, descriptors, endpoints, and the functions it shows in each mode."""
