"""What runs on a board: the bootloader, Device OS in its modes, and the application."""
