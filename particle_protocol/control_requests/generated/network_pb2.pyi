from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class InterfaceType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INVALID_INTERFACE: _ClassVar[InterfaceType]
    LOOPBACK: _ClassVar[InterfaceType]
    THREAD: _ClassVar[InterfaceType]
    ETHERNET: _ClassVar[InterfaceType]
    WIFI: _ClassVar[InterfaceType]
    PPP: _ClassVar[InterfaceType]

class ConfigurationSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NO_SOURCE: _ClassVar[ConfigurationSource]
    DHCP: _ClassVar[ConfigurationSource]
    STATIC: _ClassVar[ConfigurationSource]
    SLAAC: _ClassVar[ConfigurationSource]
    DHCPV6: _ClassVar[ConfigurationSource]

class CloudConnectionStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CLOUD_DISCONNECTED: _ClassVar[CloudConnectionStatus]
    CLOUD_CONNECTING: _ClassVar[CloudConnectionStatus]
    CLOUD_CONNECTED: _ClassVar[CloudConnectionStatus]
    CLOUD_DISCONNECTING: _ClassVar[CloudConnectionStatus]
INVALID_INTERFACE: InterfaceType
LOOPBACK: InterfaceType
THREAD: InterfaceType
ETHERNET: InterfaceType
WIFI: InterfaceType
PPP: InterfaceType
NO_SOURCE: ConfigurationSource
DHCP: ConfigurationSource
STATIC: ConfigurationSource
SLAAC: ConfigurationSource
DHCPV6: ConfigurationSource
CLOUD_DISCONNECTED: CloudConnectionStatus
CLOUD_CONNECTING: CloudConnectionStatus
CLOUD_CONNECTED: CloudConnectionStatus
CLOUD_DISCONNECTING: CloudConnectionStatus

class Ipv4Address(_message.Message):
    __slots__ = ("address",)
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    address: int
    def __init__(self, address: _Optional[int] = ...) -> None: ...

class Ipv6Address(_message.Message):
    __slots__ = ("address",)
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    address: bytes
    def __init__(self, address: _Optional[bytes] = ...) -> None: ...

class IpAddress(_message.Message):
    __slots__ = ("v4", "v6")
    V4_FIELD_NUMBER: _ClassVar[int]
    V6_FIELD_NUMBER: _ClassVar[int]
    v4: Ipv4Address
    v6: Ipv6Address
    def __init__(self, v4: _Optional[_Union[Ipv4Address, _Mapping]] = ..., v6: _Optional[_Union[Ipv6Address, _Mapping]] = ...) -> None: ...

class InterfaceAddress(_message.Message):
    __slots__ = ("address", "prefix_length")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PREFIX_LENGTH_FIELD_NUMBER: _ClassVar[int]
    address: IpAddress
    prefix_length: int
    def __init__(self, address: _Optional[_Union[IpAddress, _Mapping]] = ..., prefix_length: _Optional[int] = ...) -> None: ...

class Ipv4Config(_message.Message):
    __slots__ = ("addresses", "peer", "gateway", "dns", "source")
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    DNS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    addresses: _containers.RepeatedCompositeFieldContainer[InterfaceAddress]
    peer: Ipv4Address
    gateway: Ipv4Address
    dns: _containers.RepeatedCompositeFieldContainer[Ipv4Address]
    source: ConfigurationSource
    def __init__(self, addresses: _Optional[_Iterable[_Union[InterfaceAddress, _Mapping]]] = ..., peer: _Optional[_Union[Ipv4Address, _Mapping]] = ..., gateway: _Optional[_Union[Ipv4Address, _Mapping]] = ..., dns: _Optional[_Iterable[_Union[Ipv4Address, _Mapping]]] = ..., source: _Optional[_Union[ConfigurationSource, str]] = ...) -> None: ...

class Ipv6Config(_message.Message):
    __slots__ = ("addresses", "dns", "source", "gateway")
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    DNS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    addresses: _containers.RepeatedCompositeFieldContainer[InterfaceAddress]
    dns: _containers.RepeatedCompositeFieldContainer[Ipv6Address]
    source: ConfigurationSource
    gateway: Ipv6Address
    def __init__(self, addresses: _Optional[_Iterable[_Union[InterfaceAddress, _Mapping]]] = ..., dns: _Optional[_Iterable[_Union[Ipv6Address, _Mapping]]] = ..., source: _Optional[_Union[ConfigurationSource, str]] = ..., gateway: _Optional[_Union[Ipv6Address, _Mapping]] = ...) -> None: ...

class Interface(_message.Message):
    __slots__ = ("index", "name", "type", "flags", "ext_flags", "ipv4_config", "ipv6_config", "hw_address", "mtu", "metric", "profile")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    EXT_FLAGS_FIELD_NUMBER: _ClassVar[int]
    IPV4_CONFIG_FIELD_NUMBER: _ClassVar[int]
    IPV6_CONFIG_FIELD_NUMBER: _ClassVar[int]
    HW_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    MTU_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    index: int
    name: str
    type: InterfaceType
    flags: int
    ext_flags: int
    ipv4_config: Ipv4Config
    ipv6_config: Ipv6Config
    hw_address: bytes
    mtu: int
    metric: int
    profile: bytes
    def __init__(self, index: _Optional[int] = ..., name: _Optional[str] = ..., type: _Optional[_Union[InterfaceType, str]] = ..., flags: _Optional[int] = ..., ext_flags: _Optional[int] = ..., ipv4_config: _Optional[_Union[Ipv4Config, _Mapping]] = ..., ipv6_config: _Optional[_Union[Ipv6Config, _Mapping]] = ..., hw_address: _Optional[bytes] = ..., mtu: _Optional[int] = ..., metric: _Optional[int] = ..., profile: _Optional[bytes] = ...) -> None: ...

class GetInterfaceListRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetInterfaceListReply(_message.Message):
    __slots__ = ("interfaces",)
    class Entry(_message.Message):
        __slots__ = ("index", "name", "type")
        INDEX_FIELD_NUMBER: _ClassVar[int]
        NAME_FIELD_NUMBER: _ClassVar[int]
        TYPE_FIELD_NUMBER: _ClassVar[int]
        index: int
        name: str
        type: InterfaceType
        def __init__(self, index: _Optional[int] = ..., name: _Optional[str] = ..., type: _Optional[_Union[InterfaceType, str]] = ...) -> None: ...
    INTERFACES_FIELD_NUMBER: _ClassVar[int]
    interfaces: _containers.RepeatedCompositeFieldContainer[GetInterfaceListReply.Entry]
    def __init__(self, interfaces: _Optional[_Iterable[_Union[GetInterfaceListReply.Entry, _Mapping]]] = ...) -> None: ...

class GetInterfaceRequest(_message.Message):
    __slots__ = ("index",)
    INDEX_FIELD_NUMBER: _ClassVar[int]
    index: int
    def __init__(self, index: _Optional[int] = ...) -> None: ...

class GetInterfaceReply(_message.Message):
    __slots__ = ("interface",)
    INTERFACE_FIELD_NUMBER: _ClassVar[int]
    interface: Interface
    def __init__(self, interface: _Optional[_Union[Interface, _Mapping]] = ...) -> None: ...

class GetCloudConnectionStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetCloudConnectionStatusReply(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: CloudConnectionStatus
    def __init__(self, status: _Optional[_Union[CloudConnectionStatus, str]] = ...) -> None: ...

class CloudConnectRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CloudConnectReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CloudDisconnectRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CloudDisconnectReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
