"""Requests about cellular on Gen 3: which SIM is used, its number, the access point.

Device OS 6.2.0, system/src/control/cellular.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.device_os.control.handlers import Handler, Refused
from particle_protocol.control_requests.codes import RequestType, Result
from particle_protocol.control_requests.device import Request
from particle_protocol.control_requests.generated import cellular_pb2
from particle_protocol.control_requests.messages import decode_message

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs

_IMEI_SINCE: Final = ((5, 8, 0), (6, 0, 0), (6, 1, 0))
"""IMEI is in the answer from 5.8.0 on, was gone in 6.0.x, and is back from 6.1.0 on."""


class CellularRequests:
    """The requests of one boot, by type in `handlers`."""

    def __init__(self, system: DeviceOs) -> None:
        self._board = system.board
        first, gone, back = _IMEI_SINCE
        self._tells_imei = first <= system.version_numbers < gone or system.version_numbers >= back
        self.handlers: dict[int, Handler] = {
            RequestType.CELLULAR_SET_ACCESS_POINT: self._set_access_point,
            RequestType.CELLULAR_GET_ACCESS_POINT: self._get_access_point,
            RequestType.CELLULAR_SET_ACTIVE_SIM: self._set_active_sim,
            RequestType.CELLULAR_GET_ACTIVE_SIM: self._get_active_sim,
            RequestType.CELLULAR_GET_ICCID: self._get_iccid,
        }

    def _set_access_point(self, request: Request) -> None:
        wanted = decode_message(cellular_pb2.CellularSetAccessPointRequest, request.payload)
        point = None if wanted.access_point.use_defaults else wanted.access_point.SerializeToString()
        try:
            self._board.sims.set_access_point(point, external=_is_external(wanted.sim_type))
        except ValueError:
            raise Refused(Result.TOO_LARGE) from None
        request.reply(Result.OK)

    def _get_access_point(self, request: Request) -> None:
        wanted = decode_message(cellular_pb2.CellularGetAccessPointRequest, request.payload)
        kept = self._board.sims.access_point(external=_is_external(wanted.sim_type))
        point = cellular_pb2.AccessPoint(use_defaults=True) if kept is None else cellular_pb2.AccessPoint.FromString(kept)
        request.reply(Result.OK, cellular_pb2.CellularGetAccessPointReply(access_point=point).SerializeToString())

    def _set_active_sim(self, request: Request) -> None:
        wanted = decode_message(cellular_pb2.CellularSetActiveSimRequest, request.payload).sim_type
        self._board.sims.choose(external=_is_external(wanted))
        request.reply(Result.OK)

    def _get_active_sim(self, request: Request) -> None:
        active = cellular_pb2.EXTERNAL_SIM if self._board.sims.external_chosen else cellular_pb2.INTERNAL_SIM
        request.reply(Result.OK, cellular_pb2.CellularGetActiveSimReply(sim_type=active).SerializeToString())

    def _get_iccid(self, request: Request) -> None:
        if self._board.sim is None:
            raise Refused(Result.NOT_FOUND)
        reply = cellular_pb2.CellularGetIccidReply(iccid=self._board.sim, imei=self._board.identity.imei if self._tells_imei else None)
        request.reply(Result.OK, reply.SerializeToString())


def _is_external(sim_type: int) -> bool:
    """Whether that is the external SIM.

    Raises:
        Refused: it is neither.
    """
    if sim_type not in (cellular_pb2.INTERNAL_SIM, cellular_pb2.EXTERNAL_SIM):
        raise Refused(Result.INVALID_ARGUMENT)
    return bool(sim_type == cellular_pb2.EXTERNAL_SIM)
