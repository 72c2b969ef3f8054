"""What the emulator has beside the real cloud."""

import pytest


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
