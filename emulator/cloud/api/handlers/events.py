"""Event streams and publishing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.faults import Fault, Refused
from emulator.cloud.api.handlers.shown import organization_of, product_of
from emulator.cloud.api.messages import EventStream
from emulator.cloud.api.streams import EventEncoder, EventFeed
from emulator.cloud.errors import CloudError
from emulator.cloud.events import Event

_encoder = EventEncoder()


def _stream(call: Call, *, public: bool = False) -> EventStream:
    """Open a stream: it hears what happens from now on, as long as its token counts and its product or organization may be heard."""
    product, device, prefix = product_of(call), call.path.get("device"), call.path.get("prefix", "")
    organization = organization_of(call)
    encode = _encoder.plain if product is None and organization is None else _encoder.product

    def subscribe(listener: Callable[[Event], None]) -> Callable[[], None]:
        return call.cloud.events.subscribe(
            call.who, listener, prefix, device=device, product=product, organization=organization, public=public
        )

    def may() -> bool:
        try:
            who = call.cloud.tokens.principal(call.who.token)
            if product is not None:
                call.cloud.access.product(who, product, "events:get", organization)
            elif organization is not None:
                call.cloud.access.organization(who, organization, "events:get")
        except CloudError:
            return False
        return True

    return EventStream(EventFeed(call.cloud.clock, encode, subscribe, may, call.cloud.trouble.went_dark))


def all_events(call: Call) -> EventStream:
    """Public events, and those of the caller's own devices."""
    return _stream(call, public=True)


def no_prefix(call: Call) -> None:
    """The stream of everybody's events needs a prefix."""
    raise Refused(Fault(400, "event prefix filter is required"))


def own_events(call: Call) -> EventStream:
    """Events of the caller's devices, of one device, or of a product."""
    return _stream(call)


def publish(call: Call) -> dict[str, Any]:
    """Publish an event."""
    call.cloud.events.publish(
        call.who,
        call.text("name"),
        call.get("data"),
        ttl=call.integer("ttl", 60),
        private=call.flag("private", default=True),
        product=product_of(call),
        organization=organization_of(call),
        as_device_id=call.get("as_device_id"),
    )
    return {"ok": True}
