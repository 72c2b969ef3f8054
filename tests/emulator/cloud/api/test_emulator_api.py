"""What the emulator has beside the real cloud."""

import pytest

from emulator.cloud.device_log import DisbelievedFact, DroppedMessage, Refusal
from particle_protocol.protocol_errors import ProtocolErrorCode


def test_the_document_is_served(rest):
    document = rest.anonymous.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert "/v1/devices" in document["paths"]


@pytest.mark.parametrize(("accept", "owner"), [(True, "u2@example.com"), (False, "u1@example.com")])
def test_a_transfer_is_answered_by_the_link_in_the_mail(world, rest, u1, u2, accept, owner):
    device, _ = world.claimed(world.user("u1"))
    u2.post("/v1/devices", json={"id": device.id, "request_transfer": True})
    [mail] = u1.get("/emulator/mails").json()["mails"]
    token = mail["facts"]["token"]
    assert rest.anonymous.post(f"/emulator/transfers/{token}", json={"accept": accept}).json() == {"ok": True, "id": device.id}
    assert world.owner(device) == owner
    assert rest.anonymous.post(f"/emulator/transfers/{token}", json={"accept": True}).status_code == 404
    assert u2.get("/emulator/mails").status_code == 200


def test_who_was_turned_away_is_listed_with_the_reason(world, u1):
    nobody = {"refused_count": 0, "refused": [], "dropped_count": 0, "dropped": [], "disbelieved": []}
    assert u1.get("/emulator/refusals").json() == nobody
    world.pass_time(1.5)
    banned = world.device(13, imei="352099001761481")
    world.cloud.factory.ban_imei("352099001761481")
    world.connect(banned)
    log = world.cloud.device_log
    log.refused(Refusal("127.0.0.1:4", None, 2.0, ProtocolErrorCode.NONCE_NOT_RECEIVED, "it said nothing"))
    log.drop(DroppedMessage("127.0.0.1:5", banned.id, 3.0, b"\0", "too short"))
    log.disbelieve(DisbelievedFact("127.0.0.1:5", banned.id, 4.0, "ICCID", "123", "it is none"))
    assert u1.get("/emulator/refusals").json() == {
        "refused_count": 2,
        "refused": [
            {
                "at": "2026-01-05T09:00:01.500Z",
                "peer": "10.0.0.7:40000",
                "device_id": banned.id,
                "error": None,
                "why": "the modem's IMEI is banned from the network",
            },
            {"at": "2026-01-05T09:00:02.000Z", "peer": "127.0.0.1:4", "device_id": None, "error": 25, "why": "it said nothing"},
        ],
        "dropped_count": 1,
        "dropped": [{"at": "2026-01-05T09:00:03.000Z", "peer": "127.0.0.1:5", "device_id": banned.id, "message": "00", "why": "too short"}],
        "disbelieved": [
            {
                "at": "2026-01-05T09:00:04.000Z",
                "peer": "127.0.0.1:5",
                "device_id": banned.id,
                "fact": "ICCID",
                "value": "123",
                "why": "it is none",
            }
        ],
    }
