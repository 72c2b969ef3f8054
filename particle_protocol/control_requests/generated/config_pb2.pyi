from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SecurityKeyType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NO_KEY: _ClassVar[SecurityKeyType]
    TCP_DEVICE_PRIVATE_KEY: _ClassVar[SecurityKeyType]
    TCP_DEVICE_PUBLIC_KEY: _ClassVar[SecurityKeyType]
    TCP_SERVER_PUBLIC_KEY: _ClassVar[SecurityKeyType]
    UDP_DEVICE_PRIVATE_KEY: _ClassVar[SecurityKeyType]
    UDP_DEVICE_PUBLIC_KEY: _ClassVar[SecurityKeyType]
    UDP_SERVER_PUBLIC_KEY: _ClassVar[SecurityKeyType]

class ServerProtocol(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NO_PROTOCOL: _ClassVar[ServerProtocol]
    TCP_PROTOCOL: _ClassVar[ServerProtocol]
    UDP_PROTOCOL: _ClassVar[ServerProtocol]
NO_KEY: SecurityKeyType
TCP_DEVICE_PRIVATE_KEY: SecurityKeyType
TCP_DEVICE_PUBLIC_KEY: SecurityKeyType
TCP_SERVER_PUBLIC_KEY: SecurityKeyType
UDP_DEVICE_PRIVATE_KEY: SecurityKeyType
UDP_DEVICE_PUBLIC_KEY: SecurityKeyType
UDP_SERVER_PUBLIC_KEY: SecurityKeyType
NO_PROTOCOL: ServerProtocol
TCP_PROTOCOL: ServerProtocol
UDP_PROTOCOL: ServerProtocol

class SetClaimCodeRequest(_message.Message):
    __slots__ = ("code",)
    CODE_FIELD_NUMBER: _ClassVar[int]
    code: str
    def __init__(self, code: _Optional[str] = ...) -> None: ...

class SetClaimCodeReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class IsClaimedRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class IsClaimedReply(_message.Message):
    __slots__ = ("claimed",)
    CLAIMED_FIELD_NUMBER: _ClassVar[int]
    claimed: bool
    def __init__(self, claimed: _Optional[bool] = ...) -> None: ...

class SetSecurityKeyRequest(_message.Message):
    __slots__ = ("type", "data")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    type: SecurityKeyType
    data: bytes
    def __init__(self, type: _Optional[_Union[SecurityKeyType, str]] = ..., data: _Optional[bytes] = ...) -> None: ...

class SetSecurityKeyReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetSecurityKeyRequest(_message.Message):
    __slots__ = ("type",)
    TYPE_FIELD_NUMBER: _ClassVar[int]
    type: SecurityKeyType
    def __init__(self, type: _Optional[_Union[SecurityKeyType, str]] = ...) -> None: ...

class GetSecurityKeyReply(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...

class SetServerAddressRequest(_message.Message):
    __slots__ = ("protocol", "address", "port")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    protocol: ServerProtocol
    address: str
    port: int
    def __init__(self, protocol: _Optional[_Union[ServerProtocol, str]] = ..., address: _Optional[str] = ..., port: _Optional[int] = ...) -> None: ...

class SetServerAddressReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetServerAddressRequest(_message.Message):
    __slots__ = ("protocol",)
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    protocol: ServerProtocol
    def __init__(self, protocol: _Optional[_Union[ServerProtocol, str]] = ...) -> None: ...

class GetServerAddressReply(_message.Message):
    __slots__ = ("address", "port")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    address: str
    port: int
    def __init__(self, address: _Optional[str] = ..., port: _Optional[int] = ...) -> None: ...

class SetServerProtocolRequest(_message.Message):
    __slots__ = ("protocol",)
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    protocol: ServerProtocol
    def __init__(self, protocol: _Optional[_Union[ServerProtocol, str]] = ...) -> None: ...

class SetServerProtocolReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetServerProtocolRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetServerProtocolReply(_message.Message):
    __slots__ = ("protocol",)
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    protocol: ServerProtocol
    def __init__(self, protocol: _Optional[_Union[ServerProtocol, str]] = ...) -> None: ...

class SetSoftapSsidRequest(_message.Message):
    __slots__ = ("prefix", "suffix")
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    SUFFIX_FIELD_NUMBER: _ClassVar[int]
    prefix: str
    suffix: str
    def __init__(self, prefix: _Optional[str] = ..., suffix: _Optional[str] = ...) -> None: ...

class SetSoftapSsidReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetProtectedStateRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetProtectedStateReply(_message.Message):
    __slots__ = ("state", "overridden")
    STATE_FIELD_NUMBER: _ClassVar[int]
    OVERRIDDEN_FIELD_NUMBER: _ClassVar[int]
    state: bool
    overridden: bool
    def __init__(self, state: _Optional[bool] = ..., overridden: _Optional[bool] = ...) -> None: ...

class SetProtectedStateRequest(_message.Message):
    __slots__ = ("action", "prepare", "confirm")
    class Action(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        RESET: _ClassVar[SetProtectedStateRequest.Action]
        PREPARE: _ClassVar[SetProtectedStateRequest.Action]
        CONFIRM: _ClassVar[SetProtectedStateRequest.Action]
    RESET: SetProtectedStateRequest.Action
    PREPARE: SetProtectedStateRequest.Action
    CONFIRM: SetProtectedStateRequest.Action
    class Prepare(_message.Message):
        __slots__ = ("server_nonce",)
        SERVER_NONCE_FIELD_NUMBER: _ClassVar[int]
        server_nonce: bytes
        def __init__(self, server_nonce: _Optional[bytes] = ...) -> None: ...
    class Confirm(_message.Message):
        __slots__ = ("server_signature", "server_public_key_fingerprint")
        SERVER_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
        SERVER_PUBLIC_KEY_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
        server_signature: bytes
        server_public_key_fingerprint: bytes
        def __init__(self, server_signature: _Optional[bytes] = ..., server_public_key_fingerprint: _Optional[bytes] = ...) -> None: ...
    ACTION_FIELD_NUMBER: _ClassVar[int]
    PREPARE_FIELD_NUMBER: _ClassVar[int]
    CONFIRM_FIELD_NUMBER: _ClassVar[int]
    action: SetProtectedStateRequest.Action
    prepare: SetProtectedStateRequest.Prepare
    confirm: SetProtectedStateRequest.Confirm
    def __init__(self, action: _Optional[_Union[SetProtectedStateRequest.Action, str]] = ..., prepare: _Optional[_Union[SetProtectedStateRequest.Prepare, _Mapping]] = ..., confirm: _Optional[_Union[SetProtectedStateRequest.Confirm, _Mapping]] = ...) -> None: ...

class SetProtectedStateReply(_message.Message):
    __slots__ = ("prepare",)
    class Prepare(_message.Message):
        __slots__ = ("device_nonce", "device_signature", "device_public_key_fingerprint")
        DEVICE_NONCE_FIELD_NUMBER: _ClassVar[int]
        DEVICE_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
        DEVICE_PUBLIC_KEY_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
        device_nonce: bytes
        device_signature: bytes
        device_public_key_fingerprint: bytes
        def __init__(self, device_nonce: _Optional[bytes] = ..., device_signature: _Optional[bytes] = ..., device_public_key_fingerprint: _Optional[bytes] = ...) -> None: ...
    PREPARE_FIELD_NUMBER: _ClassVar[int]
    prepare: SetProtectedStateReply.Prepare
    def __init__(self, prepare: _Optional[_Union[SetProtectedStateReply.Prepare, _Mapping]] = ...) -> None: ...
