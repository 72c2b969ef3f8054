"""Plays scripts of calls on `usb.core.Device` and `serial.Serial` and says what each line gave, in JSON.

Every script is played twice: in the tests' own process, on the in-process doors, and by `python door_player.py` in the environment of the
umockdev door, where the very same lines use the real libusb and the real pyserial. Lines come in as JSON, outcomes go back as JSON.
"""

import array
import contextlib
import errno
import json
import re
import sys
import time

import serial
import serial.tools.list_ports
import usb.core
import usb.util


class Player:
    """The names of one script. `backend`, `serial_class` and `comports` are what the two doors differ in."""

    def __init__(self, backend, serial_class, comports):
        self.known = {
            "find": lambda **match: usb.core.find(backend=backend, **({"idVendor": 0x2B04} | match)),
            "Serial": serial_class,
            "comports": comports,
            "usb": usb,
            "serial": serial,
            "array": array.array,
            "filled": filled,
        }
        self.names = {}

    def begin(self, tty):
        """Start a script; `tty` is the port of its board."""
        self.end()
        self.names = self.known | {"PORT": tty}

    def end(self):
        """Give everything back."""
        for each in self.names.values():
            with contextlib.suppress(Exception):
                if isinstance(each, serial.SerialBase):
                    each.close()
                elif isinstance(each, usb.core.Device):
                    usb.util.dispose_resources(each)
        self.names = {}

    def play(self, line):
        """Do one line; gives what it returned or raised."""
        try:
            try:
                code = compile(line, "<script>", "eval")
            except SyntaxError:
                code = compile(line, "<script>", "exec")
            return shown(eval(code, self.names))
        except Exception as error:
            code = getattr(error, "backend_error_code", None)
            return {"raises": type(error).__name__, "errno": number_of(error)} | ({"code": code} if code else {})

    def catch_up(self):
        """Have libusb take notice of what came and went: it does so in a thread of its own."""
        self.known["find"]()

    def waiting(self, port, expected, patience):
        """How many bytes wait at a port, with the time that a pseudo-terminal takes to have as many as expected."""
        end = time.monotonic() + patience
        while (seen := self.play(f"{port}.in_waiting")) != expected and time.monotonic() < end:
            time.sleep(0.0005)
        return seen


def filled(call, size, *arguments):
    """What a call that fills a buffer returned, and the buffer."""
    buffer = array.array("B", bytes(size))
    return call(*arguments, buffer), buffer


def shown(value):
    """A result as JSON, without what is the door's own affair: addresses on the bus, names of ports, places in memory."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (bytes, bytearray, array.array)):
        return {type(value).__name__: bytes(value).hex()}
    if isinstance(value, dict):
        return {key: shown(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(each) for each in value]
    if isinstance(value, (usb.core.Configuration, usb.core.Interface, usb.core.Endpoint)):
        return [shown(str(value)), bytes(value.extra_descriptors).hex()]
    if isinstance(value, serial.tools.list_ports_common.ListPortInfo):
        keys = ("name", "description", "hwid", "vid", "pid", "serial_number", "location", "manufacturer", "product", "interface")
        return [shown(getattr(value, key)) for key in keys]
    return re.sub(r"Address \d+|^\w+<id=0x\w+|emu://\w+/|/dev/", "", str(value))


def number_of(error):
    """The errno; termios has an exception of its own for it."""
    if isinstance(error, OSError):
        return error.errno
    return error.args[0] if type(error).__name__ == "error" else None


def careful(backend):
    """The real backend, which never closes a handle that libusb spoilt.

    libusb 1.0.26 unlocks a mutex that is not locked when it is asked for an alternate setting of a device that is gone, and
    ends the program when it closes the handle then (libusb/core.c: libusb_set_interface_alt_setting).
    """
    set_alternate, close = backend.set_interface_altsetting, backend.close_device
    spoilt = []

    def set_interface_altsetting(handle, *arguments):
        try:
            set_alternate(handle, *arguments)
        except usb.core.USBError as error:
            if error.errno == errno.ENODEV:
                spoilt.append(handle)
            raise

    def close_device(handle):
        if handle not in spoilt:
            close(handle)

    backend.set_interface_altsetting, backend.close_device = set_interface_altsetting, close_device
    return backend


def main():
    """Play what comes in."""
    import usb.backend.libusb1

    player = Player(careful(usb.backend.libusb1.get_backend()), serial.Serial, serial.tools.list_ports.comports)
    for line in sys.stdin:
        what, *arguments = json.loads(line)
        sys.stdout.write(json.dumps(getattr(player, what)(*arguments)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
