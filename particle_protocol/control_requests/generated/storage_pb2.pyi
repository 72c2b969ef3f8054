from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LegacyModuleType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LEGACY_INVALID: _ClassVar[LegacyModuleType]
    LEGACY_BOOTLOADER: _ClassVar[LegacyModuleType]
    LEGACY_SYSTEM_PART: _ClassVar[LegacyModuleType]
    LEGACY_USER_PART: _ClassVar[LegacyModuleType]
    LEGACY_MONOLITHIC: _ClassVar[LegacyModuleType]
    LEGACY_NCP: _ClassVar[LegacyModuleType]
    LEGACY_RADIO_STACK: _ClassVar[LegacyModuleType]

class ModuleType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INVALID_MODULE: _ClassVar[ModuleType]
    RESOURCE_MODULE: _ClassVar[ModuleType]
    BOOTLOADER_MODULE: _ClassVar[ModuleType]
    MONOLITHIC_MODULE: _ClassVar[ModuleType]
    SYSTEM_PART_MODULE: _ClassVar[ModuleType]
    USER_PART_MODULE: _ClassVar[ModuleType]
    SETTINGS_MODULE: _ClassVar[ModuleType]
    NCP_MODULE: _ClassVar[ModuleType]
    RADIO_STACK_MODULE: _ClassVar[ModuleType]
    ASSET_MODULE: _ClassVar[ModuleType]

class ModuleStore(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MAIN_STORE: _ClassVar[ModuleStore]
    FACTORY_STORE: _ClassVar[ModuleStore]
    BACKUP_STORE: _ClassVar[ModuleStore]
    SCRATCHPAD_STORE: _ClassVar[ModuleStore]

class FileFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BINARY: _ClassVar[FileFormat]
    MINIZ: _ClassVar[FileFormat]
LEGACY_INVALID: LegacyModuleType
LEGACY_BOOTLOADER: LegacyModuleType
LEGACY_SYSTEM_PART: LegacyModuleType
LEGACY_USER_PART: LegacyModuleType
LEGACY_MONOLITHIC: LegacyModuleType
LEGACY_NCP: LegacyModuleType
LEGACY_RADIO_STACK: LegacyModuleType
INVALID_MODULE: ModuleType
RESOURCE_MODULE: ModuleType
BOOTLOADER_MODULE: ModuleType
MONOLITHIC_MODULE: ModuleType
SYSTEM_PART_MODULE: ModuleType
USER_PART_MODULE: ModuleType
SETTINGS_MODULE: ModuleType
NCP_MODULE: ModuleType
RADIO_STACK_MODULE: ModuleType
ASSET_MODULE: ModuleType
MAIN_STORE: ModuleStore
FACTORY_STORE: ModuleStore
BACKUP_STORE: ModuleStore
SCRATCHPAD_STORE: ModuleStore
BINARY: FileFormat
MINIZ: FileFormat

class Asset(_message.Message):
    __slots__ = ("hash", "name", "size", "storage_size")
    HASH_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    STORAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    hash: bytes
    name: str
    size: int
    storage_size: int
    def __init__(self, hash: _Optional[bytes] = ..., name: _Optional[str] = ..., size: _Optional[int] = ..., storage_size: _Optional[int] = ...) -> None: ...

class LegacyModule(_message.Message):
    __slots__ = ("type", "index", "version", "size", "validity", "dependencies")
    class Dependency(_message.Message):
        __slots__ = ("type", "index", "version")
        TYPE_FIELD_NUMBER: _ClassVar[int]
        INDEX_FIELD_NUMBER: _ClassVar[int]
        VERSION_FIELD_NUMBER: _ClassVar[int]
        type: LegacyModuleType
        index: int
        version: int
        def __init__(self, type: _Optional[_Union[LegacyModuleType, str]] = ..., index: _Optional[int] = ..., version: _Optional[int] = ...) -> None: ...
    TYPE_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    VALIDITY_FIELD_NUMBER: _ClassVar[int]
    DEPENDENCIES_FIELD_NUMBER: _ClassVar[int]
    type: LegacyModuleType
    index: int
    version: int
    size: int
    validity: int
    dependencies: _containers.RepeatedCompositeFieldContainer[LegacyModule.Dependency]
    def __init__(self, type: _Optional[_Union[LegacyModuleType, str]] = ..., index: _Optional[int] = ..., version: _Optional[int] = ..., size: _Optional[int] = ..., validity: _Optional[int] = ..., dependencies: _Optional[_Iterable[_Union[LegacyModule.Dependency, _Mapping]]] = ...) -> None: ...

class Module(_message.Message):
    __slots__ = ("type", "index", "version", "store", "max_size", "checked_flags", "passed_flags", "hash", "dependencies", "asset_dependencies", "size", "security")
    class Dependency(_message.Message):
        __slots__ = ("type", "index", "version")
        TYPE_FIELD_NUMBER: _ClassVar[int]
        INDEX_FIELD_NUMBER: _ClassVar[int]
        VERSION_FIELD_NUMBER: _ClassVar[int]
        type: ModuleType
        index: int
        version: int
        def __init__(self, type: _Optional[_Union[ModuleType, str]] = ..., index: _Optional[int] = ..., version: _Optional[int] = ...) -> None: ...
    class Security(_message.Message):
        __slots__ = ("mode", "certificate_fingerprint")
        class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
            __slots__ = ()
            NONE: _ClassVar[Module.Security.Mode]
            PROTECTED: _ClassVar[Module.Security.Mode]
        NONE: Module.Security.Mode
        PROTECTED: Module.Security.Mode
        MODE_FIELD_NUMBER: _ClassVar[int]
        CERTIFICATE_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
        mode: Module.Security.Mode
        certificate_fingerprint: bytes
        def __init__(self, mode: _Optional[_Union[Module.Security.Mode, str]] = ..., certificate_fingerprint: _Optional[bytes] = ...) -> None: ...
    TYPE_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STORE_FIELD_NUMBER: _ClassVar[int]
    MAX_SIZE_FIELD_NUMBER: _ClassVar[int]
    CHECKED_FLAGS_FIELD_NUMBER: _ClassVar[int]
    PASSED_FLAGS_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    DEPENDENCIES_FIELD_NUMBER: _ClassVar[int]
    ASSET_DEPENDENCIES_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SECURITY_FIELD_NUMBER: _ClassVar[int]
    type: ModuleType
    index: int
    version: int
    store: ModuleStore
    max_size: int
    checked_flags: int
    passed_flags: int
    hash: bytes
    dependencies: _containers.RepeatedCompositeFieldContainer[Module.Dependency]
    asset_dependencies: _containers.RepeatedCompositeFieldContainer[Asset]
    size: int
    security: Module.Security
    def __init__(self, type: _Optional[_Union[ModuleType, str]] = ..., index: _Optional[int] = ..., version: _Optional[int] = ..., store: _Optional[_Union[ModuleStore, str]] = ..., max_size: _Optional[int] = ..., checked_flags: _Optional[int] = ..., passed_flags: _Optional[int] = ..., hash: _Optional[bytes] = ..., dependencies: _Optional[_Iterable[_Union[Module.Dependency, _Mapping]]] = ..., asset_dependencies: _Optional[_Iterable[_Union[Asset, _Mapping]]] = ..., size: _Optional[int] = ..., security: _Optional[_Union[Module.Security, _Mapping]] = ...) -> None: ...

class GetModuleInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetModuleInfoReply(_message.Message):
    __slots__ = ("legacy_modules", "modules")
    LEGACY_MODULES_FIELD_NUMBER: _ClassVar[int]
    MODULES_FIELD_NUMBER: _ClassVar[int]
    legacy_modules: _containers.RepeatedCompositeFieldContainer[LegacyModule]
    modules: _containers.RepeatedCompositeFieldContainer[Module]
    def __init__(self, legacy_modules: _Optional[_Iterable[_Union[LegacyModule, _Mapping]]] = ..., modules: _Optional[_Iterable[_Union[Module, _Mapping]]] = ...) -> None: ...

class GetAssetInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetAssetInfoReply(_message.Message):
    __slots__ = ("available", "required")
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    available: _containers.RepeatedCompositeFieldContainer[Asset]
    required: _containers.RepeatedCompositeFieldContainer[Asset]
    def __init__(self, available: _Optional[_Iterable[_Union[Asset, _Mapping]]] = ..., required: _Optional[_Iterable[_Union[Asset, _Mapping]]] = ...) -> None: ...

class StartFirmwareUpdateRequest(_message.Message):
    __slots__ = ("size", "format")
    SIZE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    size: int
    format: FileFormat
    def __init__(self, size: _Optional[int] = ..., format: _Optional[_Union[FileFormat, str]] = ...) -> None: ...

class StartFirmwareUpdateReply(_message.Message):
    __slots__ = ("chunk_size",)
    CHUNK_SIZE_FIELD_NUMBER: _ClassVar[int]
    chunk_size: int
    def __init__(self, chunk_size: _Optional[int] = ...) -> None: ...

class FinishFirmwareUpdateRequest(_message.Message):
    __slots__ = ("validate_only",)
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    validate_only: bool
    def __init__(self, validate_only: _Optional[bool] = ...) -> None: ...

class FinishFirmwareUpdateReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CancelFirmwareUpdateRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CancelFirmwareUpdateReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FirmwareUpdateDataRequest(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...

class FirmwareUpdateDataReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
