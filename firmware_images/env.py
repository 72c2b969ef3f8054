"""Environment variables that travel with an application: the asset `env` of a bundle.

The device gets them as a protobuf message; a bundle holds the same as JSON too, for people. Limits and layout are those of the vendor's
module tools (npm binary-version-reader 4.2.0, lib/moduleEncoding.js:27-31 and 1690-1771):

```
message EnvVars { message Var { optional string name = 1; optional string value = 2; }
                  repeated Var vars = 1; optional bytes hash = 2; optional fixed64 updated_at = 3; }
```
Variables of an application have no hash and no time; those are of a snapshot that the cloud makes.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from firmware_images.assets import build_asset
from firmware_images.errors import EnvError

ENV_ASSET: Final = "env"
"""Name of the asset."""
OLD_ENV_ASSET: Final = "env-vars"
"""Its name up to binary-version-reader 3.1.3."""
ENV_OF_APPLICATION: Final = 1
"""The asset's type, in its ASSET_TYPE record."""
MAX_NAME: Final = 128
MAX_VARIABLES: Final = 100
MAX_SIZE: Final = 16 * 1024
"""Bytes of the variables, both as JSON and as the message."""
_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]*")


def check_env(variables: Mapping[str, Any]) -> dict[str, str]:
    """The variables, once they are found to be such as a device takes.

    Raises:
        EnvError: a name or a value cannot be one, or they are too many or too large.
    """
    if len(variables) > MAX_VARIABLES:
        raise EnvError(f"there are {len(variables)} environment variables, more than {MAX_VARIABLES}")
    for name, value in variables.items():
        if len(name) > MAX_NAME:
            raise EnvError(f"the name {name[:30]}... of an environment variable has {len(name)} characters, more than {MAX_NAME}")
        if not _NAME.fullmatch(name):
            raise EnvError(f"{name!r} cannot be the name of an environment variable: capital letters, digits and _, the first no digit")
        if not isinstance(value, str):
            raise EnvError(f"the value of environment variable {name} is not a string; put it in quotes")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise EnvError(f"the value of environment variable {name} holds half a character (a lone surrogate)") from None
    size = len(json.dumps(variables, ensure_ascii=False, separators=(",", ":")).encode())
    if size > MAX_SIZE:
        raise EnvError(f"the environment variables take {size} bytes as JSON, more than {MAX_SIZE}")
    return dict(variables)


def read_env(text: bytes) -> dict[str, str]:
    """The variables of a JSON text: one object, whose values are strings.

    Raises:
        EnvError: it is no such text, a name is there twice, or see `check_env`.
    """
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as reason:
        raise EnvError(f"the environment variables are not JSON: {reason}") from None
    if not isinstance(found, dict):
        raise EnvError("the environment variables are not one JSON object of names and values")
    return check_env(found)


def write_env(variables: Mapping[str, str]) -> bytes:
    """The variables as JSON for people."""
    return (json.dumps(variables, ensure_ascii=False, indent=2)).encode()


def encode_env(variables: Mapping[str, str]) -> bytes:
    """The plain content of the asset.

    Raises:
        EnvError: see `check_env`; or the message would be too large.
    """
    message = _message()()
    for name, value in check_env(variables).items():
        message.vars.add(name=name, value=value)
    data: bytes = message.SerializeToString(deterministic=True)
    if len(data) > MAX_SIZE:
        raise EnvError(f"the environment variables take {len(data)} bytes, more than {MAX_SIZE}")
    return data


def decode_env(data: bytes) -> dict[str, str]:
    """The variables in the plain content of the asset, whatever their names and values.

    Raises:
        EnvError: it is no such message, or a name is there twice.
    """
    from google.protobuf.message import DecodeError

    try:
        message = _message().FromString(data)
    except DecodeError:
        raise EnvError("the asset with the environment variables cannot be decoded") from None
    return _once([(each.name, each.value) for each in message.vars])


def build_env_asset(variables: Mapping[str, str], *, name: str = ENV_ASSET) -> bytes:
    """The asset module of an application's variables, as it is sent to a device; never deflated.

    Raises:
        EnvError: see `encode_env`.
    """
    return build_asset(name, encode_env(variables), compress=False, asset_type=ENV_OF_APPLICATION)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise EnvError(f"{name!r} is there twice among the environment variables")
        found[name] = value
    return found


@functools.cache
def _message() -> Any:
    """The class of the message; a description of it is all that protobuf needs.

    That a field is optional is an alternative of one, as the compiler writes it down: an empty value is then written too.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="firmware_images/env.proto", package="firmware_images", syntax="proto3")
    env = file.message_type.add(name="EnvVars")
    variable = env.nested_type.add(name="Var")
    env.field.add(name="vars", number=1, type=kinds.TYPE_MESSAGE, type_name=".firmware_images.EnvVars.Var", label=kinds.LABEL_REPEATED)
    for message, name, number, kind in (
        (variable, "name", 1, kinds.TYPE_STRING),
        (variable, "value", 2, kinds.TYPE_STRING),
        (env, "hash", 2, kinds.TYPE_BYTES),
        (env, "updated_at", 3, kinds.TYPE_FIXED64),
    ):
        own = len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{name}")
        message.field.add(name=name, number=number, type=kind, label=kinds.LABEL_OPTIONAL, proto3_optional=True, oneof_index=own)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("firmware_images.EnvVars"))
