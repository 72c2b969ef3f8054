from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WifiAntenna(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NO_ANTENNA: _ClassVar[WifiAntenna]
    INTERNAL_ANTENNA: _ClassVar[WifiAntenna]
    EXTERNAL_ANTENNA: _ClassVar[WifiAntenna]
    AUTOMATIC_ANTENNA: _ClassVar[WifiAntenna]
NO_ANTENNA: WifiAntenna
INTERNAL_ANTENNA: WifiAntenna
EXTERNAL_ANTENNA: WifiAntenna
AUTOMATIC_ANTENNA: WifiAntenna

class WifiAccessPoint(_message.Message):
    __slots__ = ("ssid", "bssid", "security", "cipher", "channel", "max_data_rate", "rssi", "password", "eap_type", "inner_identity", "outer_identity", "private_key", "client_certificate", "ca_certificate")
    SSID_FIELD_NUMBER: _ClassVar[int]
    BSSID_FIELD_NUMBER: _ClassVar[int]
    SECURITY_FIELD_NUMBER: _ClassVar[int]
    CIPHER_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    MAX_DATA_RATE_FIELD_NUMBER: _ClassVar[int]
    RSSI_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    EAP_TYPE_FIELD_NUMBER: _ClassVar[int]
    INNER_IDENTITY_FIELD_NUMBER: _ClassVar[int]
    OUTER_IDENTITY_FIELD_NUMBER: _ClassVar[int]
    PRIVATE_KEY_FIELD_NUMBER: _ClassVar[int]
    CLIENT_CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    CA_CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    ssid: str
    bssid: bytes
    security: int
    cipher: int
    channel: int
    max_data_rate: int
    rssi: int
    password: str
    eap_type: int
    inner_identity: str
    outer_identity: str
    private_key: bytes
    client_certificate: bytes
    ca_certificate: bytes
    def __init__(self, ssid: _Optional[str] = ..., bssid: _Optional[bytes] = ..., security: _Optional[int] = ..., cipher: _Optional[int] = ..., channel: _Optional[int] = ..., max_data_rate: _Optional[int] = ..., rssi: _Optional[int] = ..., password: _Optional[str] = ..., eap_type: _Optional[int] = ..., inner_identity: _Optional[str] = ..., outer_identity: _Optional[str] = ..., private_key: _Optional[bytes] = ..., client_certificate: _Optional[bytes] = ..., ca_certificate: _Optional[bytes] = ...) -> None: ...

class WifiAccessPointList(_message.Message):
    __slots__ = ("aps",)
    APS_FIELD_NUMBER: _ClassVar[int]
    aps: _containers.RepeatedCompositeFieldContainer[WifiAccessPoint]
    def __init__(self, aps: _Optional[_Iterable[_Union[WifiAccessPoint, _Mapping]]] = ...) -> None: ...

class WifiSetAntennaRequest(_message.Message):
    __slots__ = ("antenna",)
    ANTENNA_FIELD_NUMBER: _ClassVar[int]
    antenna: WifiAntenna
    def __init__(self, antenna: _Optional[_Union[WifiAntenna, str]] = ...) -> None: ...

class WifiSetAntennaReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WifiGetAntennaRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WifiGetAntennaReply(_message.Message):
    __slots__ = ("antenna",)
    ANTENNA_FIELD_NUMBER: _ClassVar[int]
    antenna: WifiAntenna
    def __init__(self, antenna: _Optional[_Union[WifiAntenna, str]] = ...) -> None: ...

class WifiScanRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WifiScanReply(_message.Message):
    __slots__ = ("list",)
    LIST_FIELD_NUMBER: _ClassVar[int]
    list: WifiAccessPointList
    def __init__(self, list: _Optional[_Union[WifiAccessPointList, _Mapping]] = ...) -> None: ...

class WifiSetCredentialsRequest(_message.Message):
    __slots__ = ("ap",)
    AP_FIELD_NUMBER: _ClassVar[int]
    ap: WifiAccessPoint
    def __init__(self, ap: _Optional[_Union[WifiAccessPoint, _Mapping]] = ...) -> None: ...

class WifiSetCredentialsReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WifiGetCredentialsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WifiGetCredentialsReply(_message.Message):
    __slots__ = ("list",)
    LIST_FIELD_NUMBER: _ClassVar[int]
    list: WifiAccessPointList
    def __init__(self, list: _Optional[_Union[WifiAccessPointList, _Mapping]] = ...) -> None: ...

class WifiClearCredentialsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WifiClearCredentialsReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
