"""schemathesis against the OpenAPI document: whatever it thinks up, no server error, and every answer as documented.

Each generated request is made twice: as it is, and with the names in its path replaced by those of things that exist.
"""

import os
from datetime import timedelta

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from emulator.cloud.api import Api, InlineTransport
from emulator.cloud.api.openapi import openapi
from emulator.cloud.api.routes import ROOMS

BASE = "http://cloud.test"
few = settings(max_examples=4 if os.environ.get("CI") else 2, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
many = settings(few, max_examples=40)
schema = schemathesis.openapi.from_dict(openapi(ROOMS, server=BASE))
schema.config.phases.coverage.enabled = False


class Subject:
    """A world with one of everything, and a client of its owner."""

    def __init__(self, world):
        owner = world.user("o")
        cloud = world.cloud
        organization = cloud.products.create_organization(cloud.accounts.of(owner), "company")
        product = world.product(owner, 13, organization=organization.slug)
        device = world.member(owner, product, serial_number="P046AF450RLQDD9")
        world.connect(device, functions={"led": len}, variables={"count": 7})
        sim = cloud.sims.make("8934076500002589182")
        cloud.sims.activate(owner, sim.iccid)
        cloud.groups.create(owner, product.id, "red")
        world.upload(owner, product, 1)
        hook = cloud.webhooks.create(owner, {"event": "a", "url": "http://hook.test/"}, product.id)
        self.names = {
            "product": str(product.id),
            "org": organization.slug,
            "device": device.id,
            "function": "led",
            "variable": "count",
            "group": "red",
            "version": "1",
            "hook": hook.id,
            "iccid": sim.iccid,
            "serial": "P046AF450RLQDD9",
        }
        self.cloud = cloud
        self.state = cloud.snapshot()
        headers = {"authorization": f"Bearer {owner.token}"}
        self.client = httpx.Client(base_url=BASE, transport=InlineTransport(Api(cloud), world.driver), headers=headers)

    def ask(self, case):
        """The answer, and the state put back as it was."""
        prepared = requests.Request(**{**case.as_transport_kwargs(base_url=BASE), "cookies": None}).prepare()
        sent = self.client.build_request(prepared.method, prepared.url, headers=dict(prepared.headers), content=prepared.body)
        answer = self.client.send(sent, stream=True)
        if answer.headers.get("content-type") != "text/event-stream":
            answer.read()
        answer.close()
        answer.elapsed = timedelta(0)
        self.cloud.core.state.restore(self.state.tables)
        return answer


@pytest.fixture(scope="module")
def subject():
    """Where the one subject of all tests is kept, once a test has made it."""
    return {}


def check(case, answer):
    if answer.headers.get("content-type") == "text/event-stream":
        return
    case.validate_response(answer, checks=[not_a_server_error, response_schema_conformance])


def play(it, case):
    check(case, it.ask(case))
    if case.path_parameters:
        case.path_parameters = {name: it.names.get(name, value) for name, value in case.path_parameters.items()}
        check(case, it.ask(case))


@schema.parametrize()
@few
def test_whatever_comes_is_answered_as_documented(case, make_world, subject):
    if not subject:
        subject["it"] = Subject(make_world())
    play(subject["it"], case)


@pytest.mark.soak
def test_much_of_whatever_comes_is_answered_as_documented(make_world):
    it = Subject(make_world())
    for operation in schema.get_all_operations():
        many(given(operation.ok().as_strategy())(lambda case: play(it, case)))()
