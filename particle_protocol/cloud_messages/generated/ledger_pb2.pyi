from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LedgerNames(_message.Message):
    __slots__ = ("names",)
    NAMES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, names: _Optional[_Iterable[str]] = ...) -> None: ...

class LedgerRequest(_message.Message):
    __slots__ = ("type", "get_info")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    GET_INFO_FIELD_NUMBER: _ClassVar[int]
    type: int
    get_info: LedgerNames
    def __init__(self, type: _Optional[int] = ..., get_info: _Optional[_Union[LedgerNames, _Mapping]] = ...) -> None: ...

class LedgerInfos(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class LedgerResponse(_message.Message):
    __slots__ = ("result", "get_info")
    RESULT_FIELD_NUMBER: _ClassVar[int]
    GET_INFO_FIELD_NUMBER: _ClassVar[int]
    result: int
    get_info: LedgerInfos
    def __init__(self, result: _Optional[int] = ..., get_info: _Optional[_Union[LedgerInfos, _Mapping]] = ...) -> None: ...
