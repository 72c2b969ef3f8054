"""The pyserial door: the boards' serial ports as `emu://` URLs, in this process, on any operating system.

    port = serial.serial_for_url("emu://host1/ttyACM0", timeout=1)      # or by the USB port: emu://host1/1-2
    for info in comports(host): ...                                     # as serial.tools.list_ports.comports()

The URL names the `UsbHost` and the port. Importing this module teaches `serial.serial_for_url` the scheme.
Time-outs are the Lab's time, not the wall clock's.
"""

from __future__ import annotations

import contextlib
import errno
import io
import math
import os
import sys
import warnings
from typing import Any
from urllib.parse import urlsplit

import serial
from serial import PortNotOpenError, SerialBase, SerialException
from serial.tools.list_ports_common import ListPortInfo

from emulator.doors.cdc_acm import AcmPort, LineState
from emulator.doors.usb_host import UsbHost, host_named
from emulator.drivers import LabClosed, WaitTimeout
from particle_protocol.cdc import ControlLine, LineCoding

_HANDLERS = "emulator.doors.pyserial_handlers"
_PARITY = {serial.PARITY_NONE: 0, serial.PARITY_ODD: 1, serial.PARITY_EVEN: 2, serial.PARITY_MARK: 3, serial.PARITY_SPACE: 4}
_STOP_BITS = {serial.STOPBITS_ONE: 0, serial.STOPBITS_ONE_POINT_FIVE: 2, serial.STOPBITS_TWO: 2}
"""POSIX has no one and a half."""

_MOST_TENTHS = 255
"""Of a second, between two bytes: what fits into a terminal's VTIME."""

if sys.platform == "win32":
    TerminalError = SerialException  # where no terminal is, nobody can ask for its errors
else:
    import termios

    TerminalError = termios.error

if _HANDLERS not in serial.protocol_handler_packages:
    serial.protocol_handler_packages.append(_HANDLERS)


def comports(host: UsbHost) -> list[ListPortInfo]:
    """The serial ports of a host, with what its operating system knows of them (pyserial 3.5, serial/tools/list_ports_linux.py).

    `device` is a URL that `serial.serial_for_url` opens.
    """
    return host.driver.call(lambda: [port_info(host, port) for port in host.serial_ports])


def url_of(host: UsbHost, port: AcmPort) -> str:
    """The URL of a serial port."""
    return f"emu://{host.name}/{port.tty}"


def port_info(host: UsbHost, port: AcmPort) -> ListPortInfo:
    """What the operating system knows of one port. Inside the Lab."""
    device = port.device
    info = ListPortInfo(url_of(host, port), skip_link_detection=True)
    info.name = port.tty
    info.vid, info.pid = device.descriptor.vendor, device.descriptor.product
    info.serial_number = device.serial_number
    info.manufacturer, info.product = device.manufacturer, device.product
    configuration = device.configuration
    interface = f"{device.path}:{device.configuration_value}.{port.place.communication}"
    several = configuration is not None and len(configuration.interfaces) > 1
    info.location = interface if several else str(device.path)
    setting = configuration.setting(port.place.communication) if configuration is not None else None
    info.interface = device.string(setting.string_index) if setting is not None else None
    info.apply_usb_info()
    return info


class EmulatedSerial(SerialBase):
    """A pyserial port on an emulated board. Every call gives and raises what pyserial 3.5 does on Linux (serial/serialposix.py).

    When the board leaves the bus, what it had sent can still be read; then every call raises with the port and the device in the text. The
    board's next enumeration is a new port, to be opened anew.
    """

    _acm: AcmPort | None = None
    _host: UsbHost | None = None
    _read_cancelled = False
    _write_cancelled = False

    def open(self) -> None:
        """Open the port that the URL names.

        Raises:
            SerialException: there is no such port now, or its lock is wanted (`exclusive`) and somebody has it.
            ValueError: a setting cannot be had.
        """
        if self.port is None:
            raise SerialException("the port must be set before it can be opened")
        if self.is_open:
            raise SerialException(f"{self.port} is open already")
        host, wanted = _split(self.port)
        self._host = host
        host.driver.call(self._open_inside, host, wanted)
        self._read_cancelled = self._write_cancelled = False
        self.is_open = True

    def close(self) -> None:
        """Close the port; a closed one is left as it is."""
        acm, host = self._taken(), self._host
        if acm is not None and host is not None:
            with contextlib.suppress(LabClosed):  # the port went with the Lab
                host.driver.call(self._close_inside, acm)

    def __del__(self) -> None:
        """Close a port that Python drops, on whatever thread that happens."""
        acm, host = self._taken(), self._host
        if acm is not None and host is not None:
            host.driver.post(lambda: self._close_inside(acm))

    def _taken(self) -> AcmPort | None:
        """The open port, which is closed from now on."""
        self.is_open = False
        acm, self._acm = self._acm, None
        return acm

    def _close_inside(self, acm: AcmPort) -> None:
        self._unlock(acm)
        acm.close()

    @property
    def in_waiting(self) -> int:
        """How many bytes can be read without waiting."""
        acm = self._file()
        if not acm.waiting:
            self._check_present(acm)
        return acm.waiting

    @property
    def out_waiting(self) -> int:
        """How many bytes are still to be sent: none, they are sent at once."""
        self._check_present(self._file())
        return 0

    def read(self, size: int = 1) -> bytes:
        """Read `size` bytes, or fewer when `timeout` seconds of the Lab's time pass first.

        `inter_byte_timeout` ends no read: on Linux pyserial leaves it to the terminal, which heeds it only in reads that wait, and
        pyserial's do not.

        Raises:
            SerialException: the board left, or (no time-out set) nothing can ever come.
        """
        acm = self._opened()
        host = self._lab()
        clock = host.driver.clock
        end = math.inf if self.timeout is None else clock.now + self.timeout
        data = b""
        while len(data) < size:
            if self._read_cancelled:
                self._read_cancelled = False
                break
            data += host.driver.call(acm.read, size - len(data))
            if len(data) >= size or not self.is_open:
                break
            if not acm.present:
                if not data:
                    raise SerialException(f"read failed: {self._name(acm)} was disconnected")
                break
            seconds = end - clock.now
            if seconds <= 0 or not self._wait(acm, seconds):
                break
        return data

    def write(self, data: Any) -> int:
        """Send bytes; they are with the board when this returns.

        Raises:
            SerialException: the board left.
        """
        acm = self._opened()
        data = serial.to_bytes(data)  # type: ignore[attr-defined]  # missing in its stubs
        if not data:
            return 0
        if not acm.present:
            raise SerialException(f"write failed: {self._name(acm)} was disconnected")
        self._lab().driver.call(acm.write, data)
        if self._write_cancelled and self.write_timeout != 0:  # pyserial notices only after it has written, and counts nothing then
            self._write_cancelled = False
            return 0
        return len(data)

    def flush(self) -> None:
        """Wait until everything is sent: it is."""
        self._check_terminal(self._opened())

    def reset_input_buffer(self) -> None:
        """Throw away what was received and not read."""
        acm = self._opened()
        self._check_terminal(acm)
        self._lab().driver.call(acm.discard_input)

    def reset_output_buffer(self) -> None:
        """Throw away what was not sent yet: there is nothing."""
        self._check_terminal(self._opened())

    def cancel_read(self) -> None:
        """Make the `read` that waits in another flow, or the next one, return what it has."""
        if self.is_open:
            self._read_cancelled = True
            self._lab().driver.call(self._opened().changed.fire)

    def cancel_write(self) -> None:
        """Make the next `write` believe that it was interrupted."""
        self._write_cancelled = self.is_open

    def send_break(self, duration: float = 0.25) -> None:
        """Hold a break: for a quarter of a second of the Lab's time, a tenth when more than that is asked for.

        Such are Linux's tcsendbreak(), which counts in tenths of a second, and pyserial, which counts in quarters.
        """
        acm = self._opened()
        self._check_terminal(acm)
        driver = self._lab().driver
        driver.call(lambda: acm.send_break(on=True))
        quarters = int(duration / 0.25)
        driver.sleep((quarters + 99) // 100 / 10 if quarters > 0 else 0.25)
        driver.call(lambda: acm.send_break(on=False))

    @property
    def cts(self) -> bool:
        """Clear To Send: CDC ACM has no such line, Linux shows it as set."""
        return self._line_state() is not None

    @property
    def dsr(self) -> bool:
        """Data Set Ready, as the device last reported."""
        return bool(self._line_state() & LineState.DATA_SET_READY)

    @property
    def ri(self) -> bool:
        """Ring Indicator, as the device last reported."""
        return bool(self._line_state() & LineState.RING)

    @property
    def cd(self) -> bool:
        """Carrier Detect, as the device last reported."""
        return bool(self._line_state() & LineState.CARRIER)

    def fileno(self) -> int:
        """There is none: no file of the operating system is behind the port."""
        self._opened()
        raise io.UnsupportedOperation(f"{self.port} is no file; the port of an `umockdev` door has a fileno()")

    def set_input_flow_control(self, enable: bool = True) -> None:
        """Send the character that lets the other end go on, or that stops it."""
        acm = self._opened()
        self._check_terminal(acm)
        self._lab().driver.call(acm.write, serial.XON if enable else serial.XOFF)

    def set_output_flow_control(self, enable: bool = True) -> None:
        """Stop or resume sending. An ACM port has sent everything already."""
        self._check_terminal(self._opened())

    def set_low_latency_mode(self, low_latency_settings: bool) -> None:
        """Linux takes it from an ACM port's program, and nothing changes."""
        acm = self._file()
        if not acm.present:
            raise ValueError(f"failed to change the latency: {self._name(acm)} was disconnected")

    def nonblocking(self) -> None:
        """Has no use in pyserial either."""
        warnings.warn("nonblocking() has no effect, already nonblocking", DeprecationWarning, stacklevel=2)

    def _reconfigure_port(self, force_update: bool = False) -> None:
        """Hand pyserial's settings to the driver."""
        self._lab().driver.call(self._configure, self._opened())

    def _configure(self, acm: AcmPort) -> None:
        if self.exclusive is not None:
            (self._lock if self.exclusive else self._unlock)(acm)
        if not acm.present:
            raise SerialException(f"could not configure port: {self._name(acm)} was disconnected")
        if self.inter_byte_timeout is not None and int(self.inter_byte_timeout * 10) > _MOST_TENTHS:
            raise ValueError(f"an inter-byte timeout is at most {_MOST_TENTHS / 10} s, not {self.inter_byte_timeout}")
        acm.configure(LineCoding(self.baudrate, _STOP_BITS[self.stopbits], _PARITY[self.parity], self.bytesize))
        if self.rs485_mode is not None:
            raise ValueError("an ACM port has no RS-485 mode")

    def _lock(self, acm: AcmPort) -> None:
        if acm.lock not in (None, id(self)):
            raise SerialException(errno.EWOULDBLOCK, f"could not lock port {self.port}: {self._name(acm)} is in exclusive use")
        acm.lock = id(self)

    def _unlock(self, acm: AcmPort) -> None:
        if acm.lock == id(self):
            acm.lock = None

    def _update_dtr_state(self) -> None:
        self._lab().driver.call(self._set_lines, self._opened(), bool(self.dtr), None)

    def _update_rts_state(self) -> None:
        self._lab().driver.call(self._set_lines, self._opened(), None, bool(self.rts))

    def _set_lines(self, acm: AcmPort, dtr: bool | None, rts: bool | None) -> None:
        """Move the control lines that are not None."""
        self._check_present(acm)
        now = acm.control_lines
        acm.set_control_lines(
            dtr=bool(now & ControlLine.DTR) if dtr is None else dtr, rts=bool(now & ControlLine.RTS) if rts is None else rts
        )

    def _update_break_state(self) -> None:
        acm = self._opened()
        self._check_present(acm)
        on = bool(self.break_condition)
        self._lab().driver.call(lambda: acm.send_break(on=on))

    def _line_state(self) -> LineState:
        acm = self._opened()
        self._check_present(acm)
        return acm.line_state

    def _open_inside(self, host: UsbHost, wanted: str) -> None:
        """All of opening at once: a board that leaves because of the line coding leaves a port that was open."""
        acm = next((each for each in host.serial_ports if wanted in (each.tty, str(each.device.path))), None)
        if acm is None:
            there = ", ".join(url_of(host, each) for each in host.serial_ports) or "no serial port at all"
            raise SerialException(errno.ENOENT, f"could not open port {self.port}: there is {there}")
        acm.open()
        try:
            self._configure(acm)
            self._set_lines(acm, None if self.dsrdtr else bool(self.dtr), None if self.rtscts else bool(self.rts))
            acm.discard_input()
        except BaseException:
            self._close_inside(acm)
            raise
        self._acm = acm

    def _wait(self, acm: AcmPort, seconds: float) -> bool:
        """Let time pass until something happens on the port; False when `seconds` passed without."""
        driver = self._lab().driver
        start = driver.clock.now

        def ready() -> bool:
            return bool(acm.waiting) or not acm.present or self._read_cancelled or not self.is_open

        try:
            return driver.wait(ready, [acm.changed], timeout=seconds, awaited=f"data on {self.port}", seen=lambda: "silence")
        except WaitTimeout as error:
            if seconds == math.inf:
                raise SerialException(f"{self._name(acm)}: {error}") from None
            if error.stalled:
                driver.sleep(start + seconds - driver.clock.now)
            return False

    def _opened(self) -> AcmPort:
        if self._acm is None or not self.is_open:
            raise PortNotOpenError
        return self._acm

    def _file(self) -> AcmPort:
        """The port, for calls whose counterparts in pyserial do not look whether it is open, and trip over the file that is not there."""
        if self._acm is None:
            kind = AttributeError if self._host is None else TypeError
            raise kind(f"{self.port} is not open (pyserial on Linux raises no SerialException here)")
        return self._acm

    def _lab(self) -> UsbHost:
        if self._host is None:
            raise PortNotOpenError
        return self._host

    def _check_present(self, acm: AcmPort) -> None:
        """Linux answers every ioctl on a terminal that hung up with EIO."""
        if not acm.present:
            raise OSError(errno.EIO, f"{os.strerror(errno.EIO)}: {self._name(acm)} was disconnected")

    def _check_terminal(self, acm: AcmPort) -> None:
        """The same, for calls that go through the C library's terminal functions: Python gives their errors a class of their own."""
        if not acm.present:
            raise TerminalError(errno.EIO, f"{os.strerror(errno.EIO)}: {self._name(acm)} was disconnected")

    def _name(self, acm: AcmPort) -> str:
        return f"{self.port} (device {acm.device.serial_number}, {acm.device})"


def _split(url: str) -> tuple[UsbHost, str]:
    parts = urlsplit(url)
    wanted = parts.path.lstrip("/")
    if parts.scheme != "emu" or not parts.netloc or not wanted:
        raise SerialException(f"an emulated port is written emu://HOST/ttyACM0 or emu://HOST/1-2, not {url}")
    host = host_named(parts.netloc)
    if host is None:
        raise SerialException(f"could not open port {url}: this process has no emulated host named {parts.netloc}")
    return host, wanted
