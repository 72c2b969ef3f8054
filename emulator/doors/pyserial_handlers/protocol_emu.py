"""The handler of `emu://` URLs, under the names that pyserial looks for."""

from emulator.doors.serial_url import EmulatedSerial as Serial

__all__ = ["Serial"]
