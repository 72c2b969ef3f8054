"""What the emulator has beside the real cloud: the caller's mails, and the links in them."""

from __future__ import annotations

from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.basics import iso

Json = dict[str, Any]


def mails(call: Call) -> Json:
    """The mails that the cloud wrote to the caller; nothing is ever sent."""
    user = call.cloud.accounts.of(call.who)
    found = call.cloud.mail.to(user.username)
    shown = [
        {"id": mail.id, "subject": mail.subject, "sent_at": iso(mail.sent_at), "facts": dict(fact.split("=", 1) for fact in mail.facts)}
        for mail in found
    ]
    return {"mails": shown}


def refusals(call: Call) -> Json:
    """Which devices were turned away, and what of theirs was not understood; newest last."""
    log, at = call.cloud.device_log, call.cloud.core.calendar.at
    return {
        "refused_count": log.refusal_count,
        "refused": [
            {
                "at": iso(at(each.when)),
                "peer": each.peer,
                "device_id": each.device_id,
                "error": None if each.code is None else each.code.value,
                "why": each.why,
            }
            for each in log.refusals
        ],
        "dropped_count": log.dropped_count,
        "dropped": [
            {"at": iso(at(each.when)), "peer": each.peer, "device_id": each.device_id, "message": each.message.hex(), "why": each.why}
            for each in log.dropped
        ],
        "disbelieved": [
            {
                "at": iso(at(each.when)),
                "peer": each.peer,
                "device_id": each.device_id,
                "fact": each.fact,
                "value": each.value,
                "why": each.why,
            }
            for each in log.disbelieved
        ],
    }


def answer_transfer(call: Call) -> Json:
    """The link in the mail about a transfer: knowing it is enough."""
    device = call.cloud.transfers.answer(call.path["token"], accept=call.flag("accept"))
    return {"ok": True, "id": device.id}
