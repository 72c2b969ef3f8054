"""What a Lab and its service hold, counted, and what of it is over and should have been let go of.

Whatever comes and goes (connections, sessions, questions, streams, updates, webhooks) is held by somebody while it is there. One that is
forgotten there costs memory for as long as the program runs, and hears what is not for it any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from emulator.cloud import Cloud
from emulator.cloud.api.asgi import CloudApp
from emulator.cloud.device_service.service import DeviceService
from emulator.hook_gateway import HttpGateway
from emulator.lab import Lab
from emulator.serving import Service


def held(lab: Lab, service: Service | None = None) -> dict[str, int]:
    """How much of each kind is held: the same before something came and after it went."""
    found = _in_cloud(lab.cloud) | _in_device_service(lab.device_service)
    return found if service is None else found | _in_service(service)


def overdue(thing: object) -> list[str]:
    """What a room holds although it is over, in words; nothing for one that is not looked into."""
    return [text for kind, look in _LOOKS if isinstance(thing, kind) for text in look(thing)]


def _in_cloud(cloud: Cloud) -> dict[str, int]:
    return {
        "connected devices": len(cloud.connections),
        "updates": cloud.updates.under_way,
        "hearers of events": cloud.events.hearers,
        "open event streams": cloud.rates.streams,
    }


def _in_device_service(devices: DeviceService) -> dict[str, int]:
    lines = [line for port in devices.ports for line in port.lines]
    return {"lines of devices": len(lines), "questions to devices": sum(len(line.coap.questions) for line in lines)}


def _in_service(service: Service) -> dict[str, int]:
    return {"HTTP streams": len(service.app.streams), "webhooks under way": service.hooks.under_way}


def _cloud(cloud: Cloud) -> Iterator[str]:
    for link in cloud.connections.links:
        if link.session.closed:
            yield f"device {link.session.device_id} is connected, though its session is over"
    for device_id in cloud.updates.devices:
        if not cloud.connections.online(device_id):
            yield f"device {device_id} is updated, though it is not connected"


def _device_service(devices: DeviceService) -> Iterator[str]:
    for port in devices.ports:
        for line in tuple(port.lines):
            who = f"the line of device {line.device_id or 'unknown'} from {line.peer}"
            if line.over:
                yield f"{who} is held, though it is over"
            endless = sum(question.deadline is None for question in line.coap.questions)
            updates = int(line.session is not None and line.session.updating)
            if endless > updates:
                yield f"{who} holds {endless} questions without an end, with {updates} updates under way"


def _app(app: CloudApp) -> Iterator[str]:
    over = sum(source.closed for source in app.streams)
    if over:
        yield f"{over} HTTP streams are held, though they are over"


def _gateway(gateway: HttpGateway) -> Iterator[str]:
    if gateway.closed and gateway.under_way:
        yield f"{gateway.under_way} webhooks are under way, though their gateway is closed"


_LOOKS: list[tuple[type, Callable[..., Iterator[str]]]] = [
    (Cloud, _cloud),
    (DeviceService, _device_service),
    (CloudApp, _app),
    (HttpGateway, _gateway),
]
ROOMS: tuple[type, ...] = tuple(kind for kind, _ in _LOOKS)
"""The kinds of things that `overdue` looks into."""
