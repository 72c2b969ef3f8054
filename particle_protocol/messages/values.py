"""Values of variables and results of functions, as bytes."""

from __future__ import annotations

import enum
import struct
from typing import TypeAlias

from particle_protocol.coap import CoapError

Value: TypeAlias = bool | int | float | str

_INT = struct.Struct(">i")
_DOUBLE = struct.Struct("<d")


class VariableType(enum.IntEnum):
    """Types of variables, by the numbers of the application's description (Device OS 6.2.0, system/src/system_info.cpp:443-470)."""

    BOOL = 1
    INT = 2
    STRING = 4
    DOUBLE = 9

    @property
    def api_name(self) -> str:
        """The name that the cloud's REST API gives it."""
        return {1: "bool", 2: "int32", 4: "string", 9: "double"}[self]

    @classmethod
    def for_value(cls, value: Value) -> VariableType:
        """The type that a variable holding `value` has."""
        if isinstance(value, bool):
            return cls.BOOL
        if isinstance(value, int):
            return cls.INT
        return cls.DOUBLE if isinstance(value, float) else cls.STRING


def encode_value(value: Value, type_: VariableType) -> bytes:
    """A variable's value as a device sends it: int32 big endian, but double little endian; bool one byte; a string as it is.

    Numbers out of the range of int32 wrap around, as they do in C (Device OS 6.2.0, communication/src/variables.cpp).
    """
    if type_ is VariableType.STRING:
        return str(value).encode()
    if type_ is VariableType.BOOL:
        return bytes((bool(value),))
    return _DOUBLE.pack(float(value)) if type_ is VariableType.DOUBLE else encode_function_result(int(value))


def decode_value(data: bytes, type_: VariableType) -> Value:
    """The inverse of `encode_value`.

    Raises:
        CoapError: the length does not fit the type.
    """
    if type_ is VariableType.STRING:
        return data.decode(errors="replace")
    size = {VariableType.BOOL: 1, VariableType.INT: 4, VariableType.DOUBLE: 8}[type_]
    if len(data) != size:
        raise CoapError(f"a variable of type {type_.api_name} has {size} bytes, not {len(data)}")
    if type_ is VariableType.BOOL:
        return data != b"\0"
    value: float | int = (_DOUBLE if type_ is VariableType.DOUBLE else _INT).unpack(data)[0]
    return value


def encode_function_result(value: int) -> bytes:
    """A function's result as the payload of 2.04: int32 big endian, wrapped around as in C."""
    return (value & 0xFFFFFFFF).to_bytes(4)


def decode_function_result(data: bytes) -> int:
    """The inverse of `encode_function_result`.

    Raises:
        CoapError: not four bytes.
    """
    if len(data) != _INT.size:
        raise CoapError(f"a function's result has 4 bytes, not {len(data)}")
    return int.from_bytes(data, signed=True)
