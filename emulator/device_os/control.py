"""What Device OS on a Photon answers to control requests over USB.

One handler per request type. A type without one goes to the application, and is not supported (-120) where that has no answer, which is
also what host tools expect of requests that came with later boards, or are of other kinds of boards: 31, 73, 74, 76, 77, 91, 400 and 401,
500 to 507, 550 to 554. Nowhere any more: 110 to 122, 260 to 264, 1001 to 1012.
Facts: Device OS 2.3.1, system/src/system_control_internal.cpp and system/src/control/*.cpp.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from emulator.board.board import BootRequest
from emulator.board.flash import FlashError
from emulator.board.otp import SERIAL_NUMBER
from emulator.board.status_led import Priority, Signals
from emulator.device_os.modules import InstalledModule
from emulator.device_os.startup import STARTUP_LISTEN, startup_mode
from firmware_images.device_rules import Check
from firmware_images.fields import ModuleFunction
from particle_protocol.control_requests.codes import RequestType, Result
from particle_protocol.control_requests.device import ControlRequestChannel, RawRequests, Request
from particle_protocol.control_requests.errors import BadMessage
from particle_protocol.control_requests.generated import config_pb2, storage_pb2, system_pb2
from particle_protocol.control_requests.messages import decode_message, encode_string
from particle_protocol.dct import FACTORY_RESET_ASKED, DctField, ServerAddress, SystemFlag
from particle_protocol.identifiers import CLAIM_CODE_LENGTH
from particle_protocol.messages.goodbye import ResetReason
from particle_protocol.vitals import by_name

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs

UPDATE_CHUNK = 1024
"""Bytes of an update that one request carries (Device OS 2.3.1, system/src/control/storage.cpp)."""
_LEGACY_TYPES = {
    ModuleFunction.BOOTLOADER: storage_pb2.LEGACY_BOOTLOADER,
    ModuleFunction.SYSTEM_PART: storage_pb2.LEGACY_SYSTEM_PART,
    ModuleFunction.USER_PART: storage_pb2.LEGACY_USER_PART,
    ModuleFunction.MONOLITHIC: storage_pb2.LEGACY_MONOLITHIC,
    ModuleFunction.NCP: storage_pb2.LEGACY_NCP,
    ModuleFunction.RADIO_STACK: storage_pb2.LEGACY_RADIO_STACK,
}
_KEYS = {
    1: DctField.DEVICE_PRIVATE_KEY,
    2: DctField.DEVICE_PUBLIC_KEY,
    3: DctField.SERVER_PUBLIC_KEY,
    4: DctField.ALT_DEVICE_PRIVATE_KEY,
    5: DctField.ALT_DEVICE_PUBLIC_KEY,
    6: DctField.ALT_SERVER_PUBLIC_KEY,
}
_SERVERS: dict[int, DctField] = {config_pb2.TCP_PROTOCOL: DctField.SERVER_ADDRESS, config_pb2.UDP_PROTOCOL: DctField.ALT_SERVER_ADDRESS}
_INTEGRITY_FAILED, _DEPENDENCY_FAILED = 1, 2
_NO_SUCH_FEATURE = -1
"""What the Photon's HAL answers to setting a feature that the chip has not, which no table of results knows
(Device OS 2.3.1, hal/src/stm32f2xx/core_hal_stm32f2xx.c, HAL_Feature_Set)."""


class Refused(Exception):
    """A handler ends its request with a result other than OK."""

    def __init__(self, result: int) -> None:
        self.result = result
        super().__init__(result)


class ControlRequests:
    """The requests of one boot."""

    def __init__(self, system: DeviceOs) -> None:
        self._system = system
        self._board = system.board
        self._device_id = encode_string(system.board.device_id)
        self._handlers: dict[int, Callable[[Request], None]] = {
            RequestType.ECHO: lambda request: request.reply(Result.OK, request.payload),
            RequestType.GET_DEVICE_ID: lambda request: request.reply(Result.OK, self._device_id),
            RequestType.GET_SERIAL_NUMBER: self._serial_number,
            RequestType.GET_SYSTEM_VERSION: lambda request: request.reply(Result.OK, encode_string(system.version)),
            RequestType.GET_SYSTEM_CAPABILITIES: lambda request: request.reply(Result.OK),
            RequestType.SET_FEATURE: self._set_feature,
            RequestType.GET_FEATURE: self._get_feature,
            RequestType.RESET: lambda request: self._reset(request, ResetReason.USER),
            RequestType.FACTORY_RESET: self._factory_reset,
            RequestType.DFU_MODE: lambda request: self._reset(request, ResetReason.DFU_MODE, BootRequest.DFU),
            RequestType.SAFE_MODE: lambda request: self._reset(request, ResetReason.SAFE_MODE, BootRequest.SAFE_MODE),
            RequestType.START_LISTENING: self._start_listening,
            RequestType.STOP_LISTENING: self._stop_listening,
            RequestType.GET_DEVICE_MODE: self._device_mode,
            RequestType.SET_STARTUP_MODE: self._set_startup_mode,
            RequestType.GET_MODULE_INFO: self._module_info,
            RequestType.DIAGNOSTIC_INFO: self._diagnostics,
            RequestType.SET_CLAIM_CODE: self._set_claim_code,
            RequestType.IS_CLAIMED: self._is_claimed,
            RequestType.SET_SECURITY_KEY: self._set_key,
            RequestType.GET_SECURITY_KEY: self._get_key,
            RequestType.SET_SERVER_ADDRESS: self._set_server,
            RequestType.GET_SERVER_ADDRESS: self._get_server,
            RequestType.SET_SERVER_PROTOCOL: self._set_protocol,
            RequestType.GET_SERVER_PROTOCOL: self._get_protocol,
            RequestType.SET_SOFTAP_SSID: self._set_softap_ssid,
            RequestType.START_NYAN_SIGNAL: lambda request: self._nyan(request, on=True),
            RequestType.STOP_NYAN_SIGNAL: lambda request: self._nyan(request, on=False),
            RequestType.START_FIRMWARE_UPDATE: self._start_update,
            RequestType.FIRMWARE_UPDATE_DATA: self._update_data,
            RequestType.FINISH_FIRMWARE_UPDATE: self._finish_update,
            RequestType.CANCEL_FIRMWARE_UPDATE: self._cancel_update,
            RequestType.GET_CLOUD_CONNECTION_STATUS: self._cloud_status,
            RequestType.CLOUD_CONNECT: self._cloud_connect,
            RequestType.CLOUD_DISCONNECT: self._cloud_disconnect,
        }
        self._update_position = 0
        self.channel = ControlRequestChannel(self._handle)
        self.raw = RawRequests(
            device_id=system.board.device_id,
            version=system.version,
            reset=lambda: self._later(0.0, system.reset, ResetReason.USER),
            cloud_disconnect=system.disconnect_cloud,
        )

    def _handle(self, request: Request) -> None:
        handler = self._handlers.get(request.type, self._ask_application)
        try:
            handler(request)
        except Refused as refused:
            request.reply(refused.result)
        except BadMessage:
            request.reply(Result.BAD_DATA)

    def _ask_application(self, request: Request) -> None:
        application = self._system.application
        answer = None if application is None else application.control_request(request.type, request.payload)
        if answer is None:
            raise Refused(Result.NOT_SUPPORTED)
        request.reply(Result.OK, answer)

    def _later(self, delay: float, callback: Callable[..., None], *args: object) -> None:
        self._system.scope.call_later(delay, callback, *args)

    def _reset(self, request: Request, reason: ResetReason, boot: BootRequest = BootRequest.NONE) -> None:
        request.reply(Result.OK, then=lambda: self._system.reset_later(reason, boot))

    def _factory_reset(self, request: Request) -> None:
        self._board.settings.put_flag(SystemFlag.FACTORY_RESET, FACTORY_RESET_ASKED)
        self._reset(request, ResetReason.FACTORY_RESET)

    def _serial_number(self, request: Request) -> None:
        serial = self._board.otp.text(*SERIAL_NUMBER)
        if not serial:
            raise Refused(Result.NOT_FOUND)
        request.reply(Result.OK, encode_string(serial))

    def _start_listening(self, request: Request) -> None:
        self._system.listening.enter()
        request.reply(Result.OK)

    def _stop_listening(self, request: Request) -> None:
        self._system.listening.leave()
        request.reply(Result.OK)

    def _device_mode(self, request: Request) -> None:
        request.reply(Result.OK, b"\x08\x01" if self._system.listening.active else b"")

    def _set_feature(self, request: Request) -> None:
        """The one feature that there is, to look for an Ethernet FeatherWing, is none of this chip's."""
        _check_feature(decode_message(system_pb2.SetFeatureRequest, request.payload).feature)
        raise Refused(_NO_SUCH_FEATURE)

    def _get_feature(self, request: Request) -> None:
        _check_feature(decode_message(system_pb2.GetFeatureRequest, request.payload).feature)
        request.reply(Result.OK)

    def _set_startup_mode(self, request: Request) -> None:
        """Whether the next boot is to be one in listening mode; any other mode takes that back."""
        listen = decode_message(system_pb2.SetStartupModeRequest, request.payload).mode == system_pb2.LISTENING_MODE
        startup_mode(self._board, set_bits=STARTUP_LISTEN if listen else 0, clear_bits=STARTUP_LISTEN)
        request.reply(Result.OK)

    def _module_info(self, request: Request) -> None:
        reply = storage_pb2.GetModuleInfoReply()
        for module in self._system.modules.modules:
            if module.prefix.function in _LEGACY_TYPES:
                reply.legacy_modules.append(_legacy_module(module))
        request.reply(Result.OK, reply.SerializeToString())

    def _diagnostics(self, request: Request) -> None:
        if request.payload:
            raise Refused(Result.NOT_SUPPORTED)
        request.reply(Result.OK, json.dumps(by_name(self._system.diagnostics()), separators=(",", ":")).encode())

    def _set_claim_code(self, request: Request) -> None:
        code = decode_message(config_pb2.SetClaimCodeRequest, request.payload).code.encode()
        if not code:
            self._board.settings.write(DctField.CLAIM_CODE.offset, b"\0")
        elif len(code) != CLAIM_CODE_LENGTH:
            raise Refused(Result.INVALID_ARGUMENT)
        else:
            self._board.settings.put(DctField.CLAIM_CODE, code)
        request.reply(Result.OK)

    def _is_claimed(self, request: Request) -> None:
        request.reply(Result.OK, b"\x08\x01" if self._board.settings.get(DctField.CLAIMED) == b"1" else b"")

    def _set_key(self, request: Request) -> None:
        wanted = decode_message(config_pb2.SetSecurityKeyRequest, request.payload)
        field = _key_field(wanted.type)
        if len(wanted.data) > field.size:
            raise Refused(Result.TOO_LARGE)
        self._board.settings.write(field.offset, wanted.data)
        request.reply(Result.OK)

    def _get_key(self, request: Request) -> None:
        wanted = decode_message(config_pb2.GetSecurityKeyRequest, request.payload)
        reply = config_pb2.GetSecurityKeyReply(data=self._board.settings.get(_key_field(wanted.type)))
        request.reply(Result.OK, reply.SerializeToString())

    def _set_server(self, request: Request) -> None:
        wanted = decode_message(config_pb2.SetServerAddressRequest, request.payload)
        try:
            record = ServerAddress(wanted.address, wanted.port or None).encode()
        except ValueError:
            raise Refused(Result.INVALID_ARGUMENT) from None
        self._board.settings.write(_server_field(wanted.protocol).offset, record)
        request.reply(Result.OK)

    def _get_server(self, request: Request) -> None:
        wanted = decode_message(config_pb2.GetServerAddressRequest, request.payload)
        address = ServerAddress.decode(self._board.settings.get(_server_field(wanted.protocol)))
        if address is None:
            raise Refused(Result.NOT_FOUND)
        reply = config_pb2.GetServerAddressReply(address=address.host, port=address.port or 0)
        request.reply(Result.OK, reply.SerializeToString())

    def _set_protocol(self, request: Request) -> None:
        """Which protocol a board speaks to the cloud can be chosen on an Electron only; to a Photon, both are features it has not."""
        if decode_message(config_pb2.SetServerProtocolRequest, request.payload).protocol not in _SERVERS:
            raise Refused(Result.NOT_SUPPORTED)
        raise Refused(_NO_SUCH_FEATURE)

    def _get_protocol(self, request: Request) -> None:
        request.reply(Result.OK, config_pb2.GetServerProtocolReply(protocol=config_pb2.TCP_PROTOCOL).SerializeToString())

    def _set_softap_ssid(self, request: Request) -> None:
        """What the board's own network is called when it listens: both parts are cut to what the DCT has room for."""
        wanted = decode_message(config_pb2.SetSoftapSsidRequest, request.payload)
        prefix = wanted.prefix.encode()[: DctField.SSID_PREFIX.size - 1]
        suffix = wanted.suffix.encode()[: DctField.DEVICE_CODE.size]
        self._board.settings.write(DctField.SSID_PREFIX.offset, bytes((len(prefix),)) + prefix)
        self._board.settings.write(DctField.DEVICE_CODE.offset, (suffix + b"\0")[: DctField.DEVICE_CODE.size])
        request.reply(Result.OK)

    def _nyan(self, request: Request, *, on: bool) -> None:
        self._system.show_nyan(on=on)
        request.reply(Result.OK)

    def _start_update(self, request: Request) -> None:
        wanted = decode_message(storage_pb2.StartFirmwareUpdateRequest, request.payload)
        if wanted.format != 0:
            raise Refused(Result.NOT_SUPPORTED)
        try:
            self._system.receiver.begin(wanted.size)
        except ValueError:
            raise Refused(Result.TOO_LARGE) from None
        self._update_position = 0
        self._system.led.start(Signals.FIRMWARE_UPDATE, Priority.CRITICAL)
        reply = storage_pb2.StartFirmwareUpdateReply(chunk_size=UPDATE_CHUNK)
        request.reply(Result.OK, reply.SerializeToString())

    def _update_data(self, request: Request) -> None:
        receiver = self._system.receiver
        if not receiver.active:
            raise Refused(Result.INVALID_STATE)
        data = decode_message(storage_pb2.FirmwareUpdateDataRequest, request.payload).data
        try:
            if not data:
                raise FlashError("an empty piece")
            receiver.write(self._update_position, data)
        except FlashError:
            self._end_update()
            raise Refused(Result.OUT_OF_RANGE) from None
        self._update_position += len(data)
        request.reply(Result.OK)

    def _finish_update(self, request: Request) -> None:
        receiver = self._system.receiver
        if not receiver.active or receiver.received < receiver.size:
            raise Refused(Result.INVALID_STATE)
        if decode_message(storage_pb2.FinishFirmwareUpdateRequest, request.payload).validate_only:
            request.reply(receiver.validate())
            return
        result = receiver.finish()
        self._end_update()
        if result != 0:
            raise Refused(result)
        self._reset(request, ResetReason.UPDATE)

    def _cancel_update(self, request: Request) -> None:
        self._end_update()
        request.reply(Result.OK)

    def _end_update(self) -> None:
        self._system.receiver.cancel()
        self._system.led.stop(Signals.FIRMWARE_UPDATE)

    def _cloud_status(self, request: Request) -> None:
        status = int(self._system.cloud.status)
        request.reply(Result.OK, bytes((8, status)) if status else b"")

    def _cloud_connect(self, request: Request) -> None:
        self._system.connect_cloud()
        request.reply(Result.OK)

    def _cloud_disconnect(self, request: Request) -> None:
        self._system.disconnect_cloud()
        request.reply(Result.OK)


def _key_field(kind: int) -> DctField:
    field = _KEYS.get(kind)
    if field is None:
        raise Refused(Result.INVALID_ARGUMENT)
    return field


def _server_field(protocol: int) -> DctField:
    field = _SERVERS.get(protocol)
    if field is None:
        raise Refused(Result.INVALID_ARGUMENT)
    return field


def _check_feature(feature: int) -> None:
    if feature != system_pb2.ETHERNET_DETECTION:
        raise Refused(Result.NOT_SUPPORTED)


def _legacy_module(module: InstalledModule) -> storage_pb2.LegacyModule:
    """A module in the form of Device OS before 5.6.0."""
    prefix = module.prefix
    failed = module.validity.checked & ~module.validity.passed
    faults = (_INTEGRITY_FAILED if failed & Check.INTEGRITY else 0) | (_DEPENDENCY_FAILED if failed & Check.DEPENDENCIES else 0)
    made = storage_pb2.LegacyModule(index=prefix.index, version=prefix.version, size=module.size, validity=faults)
    made.type = _LEGACY_TYPES[prefix.function]
    for each in prefix.dependencies:
        made.dependencies.add(type=_LEGACY_TYPES.get(each.function), index=each.index, version=each.version)
    return made
