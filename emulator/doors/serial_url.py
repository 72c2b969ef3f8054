"""The pyserial door: the boards' serial ports as `emu://` URLs, in this process, on any operating system.

    port = serial.serial_for_url("emu://host1/ttyACM0", timeout=1)      # or by the USB port: emu://host1/1-2
    for info in comports(host): ...                                     # as serial.tools.list_ports.comports()

The URL names the `UsbHost` and the port. Importing this module teaches `serial.serial_for_url` the scheme.
Time-outs are the Lab's time, not the wall clock's.
"""

from __future__ import annotations

import contextlib
import math
from typing import Any
from urllib.parse import urlsplit

import serial
from serial import PortNotOpenError, SerialBase, SerialException
from serial.tools.list_ports_common import ListPortInfo

from emulator.doors.cdc_acm import AcmPort, LineState
from emulator.doors.usb_host import UsbHost, host_named
from emulator.drivers import LabClosed, WaitTimeout
from particle_protocol.cdc import LineCoding
from particle_protocol.usb import Stall

_HANDLERS = "emulator.doors.pyserial_handlers"
_PARITY = {serial.PARITY_NONE: 0, serial.PARITY_ODD: 1, serial.PARITY_EVEN: 2, serial.PARITY_MARK: 3, serial.PARITY_SPACE: 4}
_STOP_BITS = {serial.STOPBITS_ONE: 0, serial.STOPBITS_ONE_POINT_FIVE: 1, serial.STOPBITS_TWO: 2}

if _HANDLERS not in serial.protocol_handler_packages:
    serial.protocol_handler_packages.append(_HANDLERS)


def comports(host: UsbHost) -> list[ListPortInfo]:
    """The serial ports of a host, with what its operating system knows of them (pyserial 3.5, serial/tools/list_ports_linux.py).

    `device` is a URL that `serial.serial_for_url` opens.
    """
    return host.driver.call(lambda: [_info(host, port) for port in host.serial_ports])


def url_of(host: UsbHost, port: AcmPort) -> str:
    """The URL of a serial port."""
    return f"emu://{host.name}/{port.tty}"


def _info(host: UsbHost, port: AcmPort) -> ListPortInfo:
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
    """A pyserial port on an emulated board.

    When the board leaves the bus, what it had sent can still be read; then every call raises `SerialException` with the port and the
    device in it. The board's next enumeration is a new port, to be opened anew.
    """

    _acm: AcmPort | None = None
    _host: UsbHost | None = None
    _cancelled = False

    def open(self) -> None:
        """Open the port that the URL names.

        Raises:
            SerialException: there is no such port now, or it is in exclusive use.
        """
        if self.port is None:
            raise SerialException("the port must be set before it can be opened")
        if self.is_open:
            raise SerialException(f"{self.port} is open already")
        host, wanted = _split(self.port)
        self._host = host
        self._acm = host.driver.call(self._open_inside, host, wanted)
        self.is_open = True
        self._reconfigure_port()

    def close(self) -> None:
        """Close the port; a closed one is left as it is."""
        acm, host = self._taken(), self._host
        if acm is not None and host is not None:
            with contextlib.suppress(LabClosed):  # the port went with the Lab
                host.driver.call(acm.close)

    def __del__(self) -> None:
        """Close a port that Python drops, on whatever thread that happens."""
        acm, host = self._taken(), self._host
        if acm is not None and host is not None:
            host.driver.post(acm.close)

    def _taken(self) -> AcmPort | None:
        """The open port, which is closed from now on."""
        self.is_open = False
        acm, self._acm = self._acm, None
        return acm

    @property
    def in_waiting(self) -> int:
        """How many bytes can be read without waiting."""
        acm = self._opened()
        if not acm.waiting:
            self._check_present(acm)
        return acm.waiting

    @property
    def out_waiting(self) -> int:
        """How many bytes are still to be sent: none, they are sent at once."""
        self._opened()
        return 0

    def read(self, size: int = 1, /) -> bytes:
        """Read `size` bytes, or fewer when `timeout` (or `inter_byte_timeout`) seconds of the Lab's time pass first.

        Raises:
            SerialException: the board left, or (no time-out set) nothing can ever come.
        """
        acm = self._opened()
        host = self._lab()
        self._cancelled = False
        clock = host.driver.clock
        end = math.inf if self.timeout is None else clock.now + self.timeout
        data = b""
        while True:
            data += host.driver.call(acm.read, size - len(data))
            if len(data) >= size or self._cancelled or not self.is_open:
                return data
            if not acm.present:
                if data:
                    return data
                self._check_present(acm)
            gap = self.inter_byte_timeout if data and self.inter_byte_timeout is not None else math.inf
            seconds = min(end - clock.now, gap)
            if seconds <= 0 or not self._wait(acm, seconds):
                return data

    def write(self, b: Any, /) -> int:
        """Send bytes; they are with the board when this returns.

        Raises:
            SerialException: the board left, or does not take them.
        """
        acm = self._opened()
        self._check_present(acm)
        data = bytes(b)
        try:
            self._lab().driver.call(acm.write, data)
        except Stall:
            raise SerialException(f"{self._name(acm)} halted its OUT endpoint") from None
        return len(data)

    def flush(self) -> None:
        """Wait until everything is sent: it is."""
        self._opened()

    def reset_input_buffer(self) -> None:
        """Throw away what was received and not read."""
        self._lab().driver.call(self._opened().discard_input)

    def reset_output_buffer(self) -> None:
        """Throw away what was not sent yet: there is nothing."""
        self._opened()

    def cancel_read(self) -> None:
        """Make a `read` that waits in another flow return what it has."""
        self._cancelled = True
        self._lab().driver.call(self._opened().changed.fire)

    def send_break(self, duration: float = 0.25) -> None:
        """Hold a break for `duration` seconds of the Lab's time."""
        self.break_condition = True
        self._lab().driver.sleep(duration)
        self.break_condition = False

    @property
    def cts(self) -> bool:
        """Clear To Send: CDC ACM has no such line, Linux shows it as set."""
        return self._opened() is not None

    @property
    def dsr(self) -> bool:
        """Data Set Ready, as the device last reported."""
        return bool(self._opened().line_state & LineState.DATA_SET_READY)

    @property
    def ri(self) -> bool:
        """Ring Indicator, as the device last reported."""
        return bool(self._opened().line_state & LineState.RING)

    @property
    def cd(self) -> bool:
        """Carrier Detect, as the device last reported."""
        return bool(self._opened().line_state & LineState.CARRIER)

    def _reconfigure_port(self, force_update: bool = False) -> None:
        """Hand pyserial's settings to the driver."""
        settings = LineCoding(self.baudrate, _STOP_BITS[self.stopbits], _PARITY[self.parity], self.bytesize)
        acm = self._opened()

        def act() -> None:
            acm.exclusive = bool(self.exclusive)
            acm.configure(settings)
            acm.set_control_lines(dtr=self.dtr, rts=self.rts)

        self._lab().driver.call(act)

    def _update_dtr_state(self) -> None:
        self._reconfigure_port()

    def _update_rts_state(self) -> None:
        self._reconfigure_port()

    def _update_break_state(self) -> None:
        acm = self._opened()
        on = self.break_condition
        self._lab().driver.call(lambda: acm.send_break(on=on))

    def _open_inside(self, host: UsbHost, wanted: str) -> AcmPort:
        for acm in host.serial_ports:
            if wanted in (acm.tty, str(acm.device.path)):
                if acm.exclusive:
                    raise SerialException(f"could not open port {self.port}: {self._name(acm)} is in exclusive use")
                acm.open()
                return acm
        there = ", ".join(url_of(host, acm) for acm in host.serial_ports) or "no serial port at all"
        raise SerialException(f"could not open port {self.port}: there is {there}")

    def _wait(self, acm: AcmPort, seconds: float) -> bool:
        """Let time pass until something happens on the port; False when `seconds` passed without."""
        driver = self._lab().driver
        start = driver.clock.now

        def ready() -> bool:
            return bool(acm.waiting) or not acm.present or self._cancelled or not self.is_open

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

    def _lab(self) -> UsbHost:
        if self._host is None:
            raise PortNotOpenError
        return self._host

    def _check_present(self, acm: AcmPort) -> None:
        if not acm.present:
            raise SerialException(f"{self._name(acm)} was disconnected")

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
