from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DescribedDependency(_message.Message):
    __slots__ = ("function", "index", "version")
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    function: int
    index: int
    version: int
    def __init__(self, function: _Optional[int] = ..., index: _Optional[int] = ..., version: _Optional[int] = ...) -> None: ...

class DescribedAsset(_message.Message):
    __slots__ = ("sha256", "name", "size", "storage_size")
    SHA256_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    STORAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    sha256: bytes
    name: str
    size: int
    storage_size: int
    def __init__(self, sha256: _Optional[bytes] = ..., name: _Optional[str] = ..., size: _Optional[int] = ..., storage_size: _Optional[int] = ...) -> None: ...

class DescribedModule(_message.Message):
    __slots__ = ("function", "index", "version", "store", "max_size", "checked", "passed", "sha256", "dependencies", "assets", "size")
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STORE_FIELD_NUMBER: _ClassVar[int]
    MAX_SIZE_FIELD_NUMBER: _ClassVar[int]
    CHECKED_FIELD_NUMBER: _ClassVar[int]
    PASSED_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    DEPENDENCIES_FIELD_NUMBER: _ClassVar[int]
    ASSETS_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    function: int
    index: int
    version: int
    store: int
    max_size: int
    checked: int
    passed: int
    sha256: bytes
    dependencies: _containers.RepeatedCompositeFieldContainer[DescribedDependency]
    assets: _containers.RepeatedCompositeFieldContainer[DescribedAsset]
    size: int
    def __init__(self, function: _Optional[int] = ..., index: _Optional[int] = ..., version: _Optional[int] = ..., store: _Optional[int] = ..., max_size: _Optional[int] = ..., checked: _Optional[int] = ..., passed: _Optional[int] = ..., sha256: _Optional[bytes] = ..., dependencies: _Optional[_Iterable[_Union[DescribedDependency, _Mapping]]] = ..., assets: _Optional[_Iterable[_Union[DescribedAsset, _Mapping]]] = ..., size: _Optional[int] = ...) -> None: ...

class DescribedSystem(_message.Message):
    __slots__ = ("modules", "imei", "iccid", "modem_firmware", "assets", "protected")
    MODULES_FIELD_NUMBER: _ClassVar[int]
    IMEI_FIELD_NUMBER: _ClassVar[int]
    ICCID_FIELD_NUMBER: _ClassVar[int]
    MODEM_FIRMWARE_FIELD_NUMBER: _ClassVar[int]
    ASSETS_FIELD_NUMBER: _ClassVar[int]
    PROTECTED_FIELD_NUMBER: _ClassVar[int]
    modules: _containers.RepeatedCompositeFieldContainer[DescribedModule]
    imei: str
    iccid: str
    modem_firmware: str
    assets: _containers.RepeatedCompositeFieldContainer[DescribedAsset]
    protected: bool
    def __init__(self, modules: _Optional[_Iterable[_Union[DescribedModule, _Mapping]]] = ..., imei: _Optional[str] = ..., iccid: _Optional[str] = ..., modem_firmware: _Optional[str] = ..., assets: _Optional[_Iterable[_Union[DescribedAsset, _Mapping]]] = ..., protected: _Optional[bool] = ...) -> None: ...
