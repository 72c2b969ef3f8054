from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SimType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NO_SIM: _ClassVar[SimType]
    INTERNAL_SIM: _ClassVar[SimType]
    EXTERNAL_SIM: _ClassVar[SimType]
NO_SIM: SimType
INTERNAL_SIM: SimType
EXTERNAL_SIM: SimType

class AccessPoint(_message.Message):
    __slots__ = ("apn", "user", "password", "use_defaults")
    APN_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    USE_DEFAULTS_FIELD_NUMBER: _ClassVar[int]
    apn: str
    user: str
    password: str
    use_defaults: bool
    def __init__(self, apn: _Optional[str] = ..., user: _Optional[str] = ..., password: _Optional[str] = ..., use_defaults: _Optional[bool] = ...) -> None: ...

class CellularSetAccessPointRequest(_message.Message):
    __slots__ = ("sim_type", "access_point")
    SIM_TYPE_FIELD_NUMBER: _ClassVar[int]
    ACCESS_POINT_FIELD_NUMBER: _ClassVar[int]
    sim_type: SimType
    access_point: AccessPoint
    def __init__(self, sim_type: _Optional[_Union[SimType, str]] = ..., access_point: _Optional[_Union[AccessPoint, _Mapping]] = ...) -> None: ...

class CellularSetAccessPointReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CellularGetAccessPointRequest(_message.Message):
    __slots__ = ("sim_type",)
    SIM_TYPE_FIELD_NUMBER: _ClassVar[int]
    sim_type: SimType
    def __init__(self, sim_type: _Optional[_Union[SimType, str]] = ...) -> None: ...

class CellularGetAccessPointReply(_message.Message):
    __slots__ = ("access_point",)
    ACCESS_POINT_FIELD_NUMBER: _ClassVar[int]
    access_point: AccessPoint
    def __init__(self, access_point: _Optional[_Union[AccessPoint, _Mapping]] = ...) -> None: ...

class CellularSetActiveSimRequest(_message.Message):
    __slots__ = ("sim_type",)
    SIM_TYPE_FIELD_NUMBER: _ClassVar[int]
    sim_type: SimType
    def __init__(self, sim_type: _Optional[_Union[SimType, str]] = ...) -> None: ...

class CellularSetActiveSimReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CellularGetActiveSimRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CellularGetActiveSimReply(_message.Message):
    __slots__ = ("sim_type",)
    SIM_TYPE_FIELD_NUMBER: _ClassVar[int]
    sim_type: SimType
    def __init__(self, sim_type: _Optional[_Union[SimType, str]] = ...) -> None: ...

class CellularGetIccidRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CellularGetIccidReply(_message.Message):
    __slots__ = ("iccid", "imei")
    ICCID_FIELD_NUMBER: _ClassVar[int]
    IMEI_FIELD_NUMBER: _ClassVar[int]
    iccid: str
    imei: str
    def __init__(self, iccid: _Optional[str] = ..., imei: _Optional[str] = ...) -> None: ...
