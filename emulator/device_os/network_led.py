"""What the LED shows of several network interfaces at once: while one has an address, the others may look for theirs unseen.

Device OS 6.2.0, system/src/system_network_manager.cpp: the LED shows the state of the network as a whole.
"""

from __future__ import annotations

from emulator.board.status_led import LedService, LedSignal, Priority

_OVERRULED = frozenset({LedSignal.NETWORK_CONNECTING, LedSignal.NETWORK_DHCP})
"""What is not shown while any interface is connected."""


class NetworkLed:
    """The signals that the interfaces of one boot want shown."""

    def __init__(self, led: LedService) -> None:
        self._led = led
        self._wanted: list[dict[LedSignal, Priority]] = []
        self._shown: set[LedSignal] = set()

    def share(self) -> LedShare:
        """What one interface is handed."""
        self._wanted.append({})
        return LedShare(self, self._wanted[-1])

    def show(self) -> None:
        """Have the LED show what is wanted now."""
        wanted = {signal: priority for each in self._wanted for signal, priority in each.items()}
        if LedSignal.NETWORK_CONNECTED in wanted:
            wanted = {signal: priority for signal, priority in wanted.items() if signal not in _OVERRULED}
        for signal, priority in wanted.items():
            if signal not in self._shown:
                self._led.start(signal, priority)
        gone = self._shown - wanted.keys()
        self._shown = set(wanted)
        if gone:
            self._led.stop(*gone)


class LedShare:
    """One interface's part of it."""

    def __init__(self, whole: NetworkLed, wanted: dict[LedSignal, Priority]) -> None:
        self._whole = whole
        self._wanted = wanted

    def start(self, signal: LedSignal, priority: Priority) -> None:
        """Want `signal` shown."""
        self._wanted[signal] = priority
        self._whole.show()

    def stop(self, *signals: LedSignal) -> None:
        """Do not want these shown any more."""
        for signal in signals:
            self._wanted.pop(signal, None)
        self._whole.show()
