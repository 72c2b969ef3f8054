"""The one room of the harness that knows the emulator: emulated hosts, boards and clouds, as the harness sees them."""

from emulator.own_folder import OwnFolder, sweep
from harness.lab.applications import module_file
from harness.lab.board import board_on
from harness.lab.host import EmulatedHost, LabClock
from harness.lab.outside import OutsideDevice
from harness.lab.rig import LabRig

__all__ = ["EmulatedHost", "LabClock", "LabRig", "OutsideDevice", "OwnFolder", "board_on", "module_file", "sweep"]
