"""Where `serial.serial_for_url` looks for the `emu://` scheme (pyserial 3.5, serial/__init__.py:63)."""
