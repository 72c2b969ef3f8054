"""Waiting for a device inside the cloud: a device's reply becomes the domain's, in time and in the domain's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from emulator.cloud.core import Core
from emulator.cloud.errors import CloudError, DeviceOffline, DeviceRefused, NoAnswer
from emulator.cloud.sessions import Refused
from emulator.drivers import Reply

S = TypeVar("S")
T = TypeVar("T")


def relay(
    core: Core,
    device_id: str,
    what: str,
    source: Reply[S],
    finish: Callable[[S], T],
    *,
    timeout: float,
    refused: Callable[[Refused], CloudError | None] = lambda _: None,
) -> Reply[T]:
    """A reply that settles with `finish(value)` once the device's reply does, or fails with a `CloudError`.

    `NoAnswer` when nothing came within `timeout` seconds, `DeviceOffline` when the connection ended, and when the device said no what
    `refused` makes of it, or else `DeviceRefused`. What nobody foresaw fails it with the very error.
    """
    reply: Reply[Any] = core.reply()
    timer = core.clock.call_later(timeout, lambda: reply.fail(NoAnswer(device_id, what)))

    def settle() -> None:
        timer.cancel()
        if reply.done:
            return
        try:
            reply.resolve(finish(source.result()))
        except CloudError as error:
            reply.fail(error)
        except Refused as no:
            reply.fail(refused(no) or DeviceRefused(device_id, what, no.reason))
        except TimeoutError:
            reply.fail(NoAnswer(device_id, what))
        except ConnectionError:
            reply.fail(DeviceOffline(device_id))
        except Exception as error:  # noqa: BLE001  # the fence: whoever asked hears of it, and not the device's connection
            core.mishaps.note(f"taking in the answer to {what}", error)
            reply.fail(error)

    if source.done:
        settle()
    else:
        source.settled.subscribe(settle)
    return reply


def settled(core: Core, value: T) -> Reply[T]:
    """A reply that has come already."""
    reply: Reply[Any] = core.reply()
    reply.resolve(value)
    return reply
