"""What the options of a moniker say of a board, as fields of its `BoardSpec`."""

from __future__ import annotations

from typing import Any

from emulator.cloud.sim_records import SimStatus
from harness.boards.emulated import NO_SIM, EmulatedBoard
from harness.hiding import hides
from harness.rack.lab_schema import SIM_STATES
from particle_protocol.cloud_profiles import Transport
from particle_protocol.skus import SimForm

__tracebackhide__ = hides

_SIM_FORMS = {form.value.lower(): form for form in SimForm}
_LARGEST_VERSION = 0xFFFF
"""A module's version has 16 bits in its header."""


def transport_of(wanted: EmulatedBoard) -> Transport | None:
    """How the board is to talk to its cloud, as the option `protocol` says.

    Raises:
        ValueError: the option has no such value.
    """
    if wanted.protocol is None:
        return None
    try:
        return Transport(wanted.protocol)
    except ValueError:
        raise ValueError(f"protocol={wanted.protocol}; there are: {', '.join(each.value for each in Transport)}") from None


def sim_of(wanted: EmulatedBoard) -> dict[str, Any]:
    """What it was sold as, and its SIM.

    Raises:
        ValueError: there is no such form or state, or a board without a SIM is to have one in some state.
    """
    fields: dict[str, Any] = {"sku": wanted.sku, "iccid": wanted.iccid}
    if wanted.sim == NO_SIM:
        for name, value in (("iccid", wanted.iccid), ("sim_state", wanted.sim_state)):
            if value is not None:
                raise ValueError(f"{name}={value} is about a SIM, and sim={NO_SIM} leaves it out")
        fields["has_sim"] = False
    elif wanted.sim is not None:
        if wanted.sim.lower() not in _SIM_FORMS:
            raise ValueError(f"sim={wanted.sim}; there are: {', '.join((NO_SIM, *_SIM_FORMS))}")
        fields["sim_form"] = _SIM_FORMS[wanted.sim.lower()]
    if wanted.sim_state is not None:
        if wanted.sim_state not in SIM_STATES:
            raise ValueError(f"sim_state={wanted.sim_state}; there are: {', '.join(SIM_STATES)}")
        fields["sim_status"] = SimStatus(SIM_STATES[wanted.sim_state])
    return fields


def plugged_onto(wanted: EmulatedBoard) -> dict[str, Any]:
    """Whether there is an Ethernet FeatherWing on it.

    Raises:
        ValueError: the option has another value.
    """
    if wanted.ethernet not in (None, "0", "1"):
        raise ValueError(f"ethernet={wanted.ethernet}; write ethernet=1, or leave it out")
    return {"ethernet": wanted.ethernet == "1"}


def versions_of(wanted: EmulatedBoard) -> dict[str, Any]:
    """The versions of modules that are to be others than the release's.

    Raises:
        ValueError: one is no version, or the modules are Particle's own, which have the versions that they have.
    """
    options = {"bootloader": wanted.bootloader, "softdevice": wanted.softdevice, "ncp": wanted.ncp}
    named = {name: text for name, text in options.items() if text is not None}
    for name, text in named.items():
        if not (text.isascii() and text.isdigit()) or len(text) > len(str(_LARGEST_VERSION)) or int(text) > _LARGEST_VERSION:
            raise ValueError(f"{name}={text} is no version: write a number from 0 to {_LARGEST_VERSION}")
        if wanted.firmware == "real":
            raise ValueError(f"{name}={text} is built for it, and firmware=real are Particle's own modules: leave one of them out")
    return {name: int(text) for name, text in named.items()}
