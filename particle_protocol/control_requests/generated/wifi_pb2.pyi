from particle_protocol.control_requests.generated import network_pb2 as _network_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WifiSecurity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NO_SECURITY: _ClassVar[WifiSecurity]
    WEP: _ClassVar[WifiSecurity]
    WPA_PSK: _ClassVar[WifiSecurity]
    WPA2_PSK: _ClassVar[WifiSecurity]
    WPA_WPA2_PSK: _ClassVar[WifiSecurity]
    WPA3_PSK: _ClassVar[WifiSecurity]
    WPA2_WPA3_PSK: _ClassVar[WifiSecurity]

class WifiCredentialsType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NO_CREDENTIALS: _ClassVar[WifiCredentialsType]
    PASSWORD: _ClassVar[WifiCredentialsType]
NO_SECURITY: WifiSecurity
WEP: WifiSecurity
WPA_PSK: WifiSecurity
WPA2_PSK: WifiSecurity
WPA_WPA2_PSK: WifiSecurity
WPA3_PSK: WifiSecurity
WPA2_WPA3_PSK: WifiSecurity
NO_CREDENTIALS: WifiCredentialsType
PASSWORD: WifiCredentialsType

class WifiCredentials(_message.Message):
    __slots__ = ("type", "password")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    type: WifiCredentialsType
    password: str
    def __init__(self, type: _Optional[_Union[WifiCredentialsType, str]] = ..., password: _Optional[str] = ...) -> None: ...

class WifiJoinNewNetworkRequest(_message.Message):
    __slots__ = ("ssid", "bssid", "security", "credentials", "interface_config", "hidden")
    SSID_FIELD_NUMBER: _ClassVar[int]
    BSSID_FIELD_NUMBER: _ClassVar[int]
    SECURITY_FIELD_NUMBER: _ClassVar[int]
    CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    INTERFACE_CONFIG_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_FIELD_NUMBER: _ClassVar[int]
    ssid: str
    bssid: bytes
    security: WifiSecurity
    credentials: WifiCredentials
    interface_config: _network_pb2.Interface
    hidden: bool
    def __init__(self, ssid: _Optional[str] = ..., bssid: _Optional[bytes] = ..., security: _Optional[_Union[WifiSecurity, str]] = ..., credentials: _Optional[_Union[WifiCredentials, _Mapping]] = ..., interface_config: _Optional[_Union[_network_pb2.Interface, _Mapping]] = ..., hidden: _Optional[bool] = ...) -> None: ...

class WifiJoinNewNetworkReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WifiJoinKnownNetworkRequest(_message.Message):
    __slots__ = ("ssid",)
    SSID_FIELD_NUMBER: _ClassVar[int]
    ssid: str
    def __init__(self, ssid: _Optional[str] = ...) -> None: ...

class WifiJoinKnownNetworkReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WifiGetKnownNetworksRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WifiGetKnownNetworksReply(_message.Message):
    __slots__ = ("networks",)
    class Network(_message.Message):
        __slots__ = ("ssid", "security", "credentials_type")
        SSID_FIELD_NUMBER: _ClassVar[int]
        SECURITY_FIELD_NUMBER: _ClassVar[int]
        CREDENTIALS_TYPE_FIELD_NUMBER: _ClassVar[int]
        ssid: str
        security: WifiSecurity
        credentials_type: WifiCredentialsType
        def __init__(self, ssid: _Optional[str] = ..., security: _Optional[_Union[WifiSecurity, str]] = ..., credentials_type: _Optional[_Union[WifiCredentialsType, str]] = ...) -> None: ...
    NETWORKS_FIELD_NUMBER: _ClassVar[int]
    networks: _containers.RepeatedCompositeFieldContainer[WifiGetKnownNetworksReply.Network]
    def __init__(self, networks: _Optional[_Iterable[_Union[WifiGetKnownNetworksReply.Network, _Mapping]]] = ...) -> None: ...

class WifiRemoveKnownNetworkRequest(_message.Message):
    __slots__ = ("ssid",)
    SSID_FIELD_NUMBER: _ClassVar[int]
    ssid: str
    def __init__(self, ssid: _Optional[str] = ...) -> None: ...

class WifiRemoveKnownNetworkReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WifiClearKnownNetworksRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WifiClearKnownNetworksReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WifiGetCurrentNetworkRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WifiGetCurrentNetworkReply(_message.Message):
    __slots__ = ("ssid", "bssid", "channel", "rssi")
    SSID_FIELD_NUMBER: _ClassVar[int]
    BSSID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    RSSI_FIELD_NUMBER: _ClassVar[int]
    ssid: str
    bssid: bytes
    channel: int
    rssi: int
    def __init__(self, ssid: _Optional[str] = ..., bssid: _Optional[bytes] = ..., channel: _Optional[int] = ..., rssi: _Optional[int] = ...) -> None: ...

class WifiScanNetworksRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WifiScanNetworksReply(_message.Message):
    __slots__ = ("networks",)
    class Network(_message.Message):
        __slots__ = ("ssid", "bssid", "security", "channel", "rssi")
        SSID_FIELD_NUMBER: _ClassVar[int]
        BSSID_FIELD_NUMBER: _ClassVar[int]
        SECURITY_FIELD_NUMBER: _ClassVar[int]
        CHANNEL_FIELD_NUMBER: _ClassVar[int]
        RSSI_FIELD_NUMBER: _ClassVar[int]
        ssid: str
        bssid: bytes
        security: WifiSecurity
        channel: int
        rssi: int
        def __init__(self, ssid: _Optional[str] = ..., bssid: _Optional[bytes] = ..., security: _Optional[_Union[WifiSecurity, str]] = ..., channel: _Optional[int] = ..., rssi: _Optional[int] = ...) -> None: ...
    NETWORKS_FIELD_NUMBER: _ClassVar[int]
    networks: _containers.RepeatedCompositeFieldContainer[WifiScanNetworksReply.Network]
    def __init__(self, networks: _Optional[_Iterable[_Union[WifiScanNetworksReply.Network, _Mapping]]] = ...) -> None: ...

class WifiSetNetworkCredentialsRequest(_message.Message):
    __slots__ = ("ssid", "bssid", "security", "credentials", "interface_config", "hidden")
    SSID_FIELD_NUMBER: _ClassVar[int]
    BSSID_FIELD_NUMBER: _ClassVar[int]
    SECURITY_FIELD_NUMBER: _ClassVar[int]
    CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    INTERFACE_CONFIG_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_FIELD_NUMBER: _ClassVar[int]
    ssid: str
    bssid: bytes
    security: WifiSecurity
    credentials: WifiCredentials
    interface_config: _network_pb2.Interface
    hidden: bool
    def __init__(self, ssid: _Optional[str] = ..., bssid: _Optional[bytes] = ..., security: _Optional[_Union[WifiSecurity, str]] = ..., credentials: _Optional[_Union[WifiCredentials, _Mapping]] = ..., interface_config: _Optional[_Union[_network_pb2.Interface, _Mapping]] = ..., hidden: _Optional[bool] = ...) -> None: ...

class WifiSetNetworkCredentialsReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
