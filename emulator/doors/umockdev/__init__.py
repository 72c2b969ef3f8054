"""The umockdev door: unmodified programs on this computer see the emulated boards as USB devices and serial ports.

    with UmockdevDoor(driver, {"1-1": board.plug}) as door:
        subprocess.run(["dfu-util", "-l"], env=os.environ | door.environment())

A program started in that environment loads umockdev's preload library, which turns its look at `/sys`, `/dev` and udev's messages to
a directory of ours, and asks us what each ioctl on a device node does. No root, no kernel module. It reaches programs that are linked to
a shared C library (dfu-util, lsusb, node, Python, ...); not static ones, nor those that make system calls themselves (Go).
"""

from emulator.doors.umockdev.door import UmockdevDoor
from emulator.doors.umockdev.preload import PreloadMissing, find_preload

__all__ = ["PreloadMissing", "UmockdevDoor", "find_preload"]
