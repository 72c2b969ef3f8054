"""The host side of a board's USB protocols, over pyusb."""
