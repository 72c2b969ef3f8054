from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SystemCapabilityFlag(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NO_CAPABILITY: _ClassVar[SystemCapabilityFlag]
    COMPRESSED_OTA: _ClassVar[SystemCapabilityFlag]

class Feature(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NO_FEATURE: _ClassVar[Feature]
    ETHERNET_DETECTION: _ClassVar[Feature]

class DeviceMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NORMAL_MODE: _ClassVar[DeviceMode]
    LISTENING_MODE: _ClassVar[DeviceMode]
NO_CAPABILITY: SystemCapabilityFlag
COMPRESSED_OTA: SystemCapabilityFlag
NO_FEATURE: Feature
ETHERNET_DETECTION: Feature
NORMAL_MODE: DeviceMode
LISTENING_MODE: DeviceMode

class GetDeviceIdRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetDeviceIdReply(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class GetSerialNumberRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetSerialNumberReply(_message.Message):
    __slots__ = ("serial",)
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    serial: str
    def __init__(self, serial: _Optional[str] = ...) -> None: ...

class GetSystemVersionRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetSystemVersionReply(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: str
    def __init__(self, version: _Optional[str] = ...) -> None: ...

class GetNcpFirmwareVersionRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetNcpFirmwareVersionReply(_message.Message):
    __slots__ = ("version", "module_version")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MODULE_VERSION_FIELD_NUMBER: _ClassVar[int]
    version: str
    module_version: int
    def __init__(self, version: _Optional[str] = ..., module_version: _Optional[int] = ...) -> None: ...

class GetSystemCapabilitiesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetSystemCapabilitiesReply(_message.Message):
    __slots__ = ("flags",)
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    flags: int
    def __init__(self, flags: _Optional[int] = ...) -> None: ...

class SetFeatureRequest(_message.Message):
    __slots__ = ("feature", "enabled")
    FEATURE_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    feature: Feature
    enabled: bool
    def __init__(self, feature: _Optional[_Union[Feature, str]] = ..., enabled: _Optional[bool] = ...) -> None: ...

class SetFeatureReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetFeatureRequest(_message.Message):
    __slots__ = ("feature",)
    FEATURE_FIELD_NUMBER: _ClassVar[int]
    feature: Feature
    def __init__(self, feature: _Optional[_Union[Feature, str]] = ...) -> None: ...

class GetFeatureReply(_message.Message):
    __slots__ = ("enabled",)
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    enabled: bool
    def __init__(self, enabled: _Optional[bool] = ...) -> None: ...

class ResetRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ResetReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FactoryResetRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FactoryResetReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DfuModeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DfuModeReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SafeModeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SafeModeReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StartListeningRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StartListeningReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StopListeningRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StopListeningReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetDeviceModeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetDeviceModeReply(_message.Message):
    __slots__ = ("mode",)
    MODE_FIELD_NUMBER: _ClassVar[int]
    mode: DeviceMode
    def __init__(self, mode: _Optional[_Union[DeviceMode, str]] = ...) -> None: ...

class SetDeviceSetupDoneRequest(_message.Message):
    __slots__ = ("done",)
    DONE_FIELD_NUMBER: _ClassVar[int]
    done: bool
    def __init__(self, done: _Optional[bool] = ...) -> None: ...

class SetDeviceSetupDoneReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class IsDeviceSetupDoneRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class IsDeviceSetupDoneReply(_message.Message):
    __slots__ = ("done",)
    DONE_FIELD_NUMBER: _ClassVar[int]
    done: bool
    def __init__(self, done: _Optional[bool] = ...) -> None: ...

class SetStartupModeRequest(_message.Message):
    __slots__ = ("mode",)
    MODE_FIELD_NUMBER: _ClassVar[int]
    mode: DeviceMode
    def __init__(self, mode: _Optional[_Union[DeviceMode, str]] = ...) -> None: ...

class SetStartupModeReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StartNyanSignalRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StartNyanSignalReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StopNyanSignalRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StopNyanSignalReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetEnvRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetEnvReply(_message.Message):
    __slots__ = ("vars", "snapshot_hash")
    class Variable(_message.Message):
        __slots__ = ("name", "value", "is_app")
        NAME_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        IS_APP_FIELD_NUMBER: _ClassVar[int]
        name: str
        value: str
        is_app: bool
        def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ..., is_app: _Optional[bool] = ...) -> None: ...
    VARS_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_HASH_FIELD_NUMBER: _ClassVar[int]
    vars: _containers.RepeatedCompositeFieldContainer[GetEnvReply.Variable]
    snapshot_hash: bytes
    def __init__(self, vars: _Optional[_Iterable[_Union[GetEnvReply.Variable, _Mapping]]] = ..., snapshot_hash: _Optional[bytes] = ...) -> None: ...

class ClearEnvRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ClearEnvReply(_message.Message):
    __slots__ = ("need_reset",)
    NEED_RESET_FIELD_NUMBER: _ClassVar[int]
    need_reset: bool
    def __init__(self, need_reset: _Optional[bool] = ...) -> None: ...
