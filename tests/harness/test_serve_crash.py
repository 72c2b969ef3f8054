"""`particle-hil serve --state` is killed while clients change things over HTTP, and started again: what was answered is there, and what was
not is there as a whole or not at all.

Each client has things of its own and a model of them. It notes what a request will make of the model, sends it, and takes the note over
when the answer is there. So after the kill one request of each client may or may not have happened, and nothing else may differ.
"""

import copy
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from emulator.cloud import Cloud, CloudSettings, Storage
from emulator.cloud.records import Plan
from emulator.drivers.inline import InlineDriver
from particle_protocol.identifiers import make_iccid

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = [sys.executable, "-c", "from particle_hil.command import main; main()"]
PHOTON = 6
CLIENTS, DEVICES, SIMS = 4, 200, 6
MANY = 100
"""Requests about so many devices are written for long enough that the kill comes in the middle of them every now and then."""
PASSWORD = "secret"
FORM = {"grant_type": "password", "client_id": "particle", "client_secret": "particle", "password": PASSWORD}


class Killed(Exception):
    """There was no answer, and there will be none."""


class Server:
    """One run of the program."""

    def __init__(self, state):
        command = [*PROGRAM, "serve", "--device-port", "0", "--json", "--state", str(state)]
        environment = os.environ | {"TMPDIR": str(state.parent)}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        said = self.process.stdout.readline()
        assert said, self.process.stderr.read()
        self.url = json.loads(said)["api"]

    def kill(self):
        """End it with no chance to clean up."""
        self.process.kill()
        self.process.communicate(timeout=30)


class Model:
    """What one client's things are."""

    def __init__(self, device_ids, iccids):
        self.members = set()
        self.owned = set()
        self.names = dict.fromkeys(device_ids)
        self.groups = dict.fromkeys(device_ids, ())
        self.sims = dict.fromkeys(iccids, (None, None))
        """Where each is (None, "user" or "product"), and its data limit."""
        self.tokens = {}
        """Which are valid."""
        self.products = set()

    def differences(self, other):
        """What is not the same, in words; empty when all is."""
        return [
            f"{kind}: {theirs!r} instead of {ours!r}"
            for kind, mine in vars(self).items()
            for ours, theirs in [_differing(mine, getattr(other, kind))]
            if ours != theirs
        ]


def _differing(ours, theirs):
    """The parts of two sets or dictionaries in which they differ."""
    if isinstance(ours, set):
        return ours - theirs, theirs - ours
    keys = {key for key in ours.keys() | theirs.keys() if ours.get(key, ...) != theirs.get(key, ...)}
    return {key: ours.get(key) for key in keys}, {key: theirs.get(key) for key in keys}


class Client:
    """Somebody who changes things as fast as they are answered, in an order that the seed decides."""

    def __init__(self, number, seed, device_ids, iccids, product):
        self.username = f"u{number}@example.com"
        self.rng = random.Random(f"{seed} {number}")
        self.model = Model(device_ids, iccids)
        self.devices, self.product = device_ids, f"/v1/products/{product}"
        self.under_way = None
        """What the request that was not answered would make of the model."""
        self.operations_told = 0
        self.made = 0
        self.http = None

    def connect(self, url):
        self.leave()
        self.http = httpx.Client(base_url=url, timeout=60)
        answer = self.ask("POST", "/oauth/token", data=FORM | {"username": self.username})
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def leave(self):
        if self.http is not None:
            self.http.close()

    def ask(self, method, path, **more):
        try:
            answer = self.http.request(method, path, **more)
        except httpx.TransportError as error:
            raise Killed from error
        assert answer.status_code < 300, f"{method} {path} {more}: {answer.status_code} {answer.text}"
        return answer

    def change(self, changed, method, path, **more):
        """A request, and the model as it will be."""
        self.under_way = changed
        answer = self.ask(method, path, **more)
        self.model, self.under_way = changed, None
        return answer

    def step(self):
        """One request, of a kind that can be made now."""
        while not self.rng.choice(STEPS)(self, copy.deepcopy(self.model)):
            pass

    def name(self):
        self.made += 1
        return f"{self.username[:2]}-{self.made}"

    def _some(self, ids, most=5):
        ids = sorted(ids)
        return self.rng.sample(ids, min(len(ids), self.rng.randrange(1, most)))

    def add(self, then):
        ids = self._some(set(self.devices) - then.members)
        if not ids:
            return False
        then.members.update(ids)
        body = {"ids": ids}
        if self.rng.random() < 0.5:
            body["claim_user"] = self.username
            then.owned.update(ids)
        self.change(then, "POST", f"{self.product}/devices", json=body)
        return True

    def import_file(self, then):
        ids = self._some(set(self.devices) - then.members, MANY)
        if not ids:
            return False
        then.members.update(ids)
        self.change(then, "POST", f"{self.product}/devices", files={"file": ("ids.txt", "\n".join(ids))})
        return True

    def remove(self, then):
        def effect(which):
            then.members.remove(which)
            then.groups[which] = ()

        return self._one(then, then.members, effect, "DELETE", self.product + "/devices/{}")

    def regroup(self, then):
        ids = self._some(then.members, MANY)
        if not ids:
            return False
        before = sorted({group for device_id in ids for group in then.groups[device_id]})
        after = self.name()
        then.groups.update(dict.fromkeys(ids, (after,)))
        body = {"action": "groups", "devices": ids, "metadata": {"add": [after], "remove": before}}
        self.change(then, "PUT", f"{self.product}/devices", json=body)
        return True

    def claim(self, then):
        return self._one(then, then.members - then.owned, then.owned.add, "POST", "/v1/devices", lambda which: {"id": which})

    def unclaim(self, then):
        return self._one(then, then.owned, then.owned.remove, "DELETE", "/v1/devices/{}")

    def rename(self, then):
        name = self.name()
        return self._one(
            then, then.owned, lambda which: then.names.update({which: name}), "PUT", "/v1/devices/{}", lambda _: {"name": name}
        )

    def activate(self, then):
        free = {iccid for iccid, (place, _) in then.sims.items() if place is None}
        limit = self.rng.randrange(1, 100)
        body = {"action": "activate", "mb_limit": limit}
        return self._one(then, free, lambda which: then.sims.update({which: ("user", limit)}), "PUT", "/v1/sims/{}", lambda _: body)

    def limit(self, then):
        mine = {iccid for iccid, (place, _) in then.sims.items() if place == "user"}
        limit = self.rng.randrange(100, 200)
        return self._one(
            then, mine, lambda which: then.sims.update({which: ("user", limit)}), "PUT", "/v1/sims/{}", lambda _: {"mb_limit": limit}
        )

    def import_sims(self, then):
        iccids = self._some(iccid for iccid, (place, _) in then.sims.items() if place != "product")
        if not iccids:
            return False
        then.sims.update({iccid: ("product", then.sims[iccid][1]) for iccid in iccids})
        self.change(then, "POST", f"{self.product}/sims", json={"sims": iccids})
        return True

    def make_token(self, then):
        answer = self.change(then, "POST", "/oauth/token", data=FORM | {"username": self.username})
        self.model.tokens[answer.json()["access_token"]] = True
        return True

    def revoke_token(self, then):
        valid = {token for token, alive in then.tokens.items() if alive}
        return self._one(then, valid, lambda which: then.tokens.update({which: False}), "DELETE", "/v1/access_tokens/{}")

    def make_product(self, then):
        name = self.name()
        then.products.add(name)
        self.change(then, "POST", "/v1/user/products", json={"product": {"name": name, "platform_id": PHOTON}})
        return True

    def publish(self, then):
        for _ in range(self.rng.randrange(1, 4)):
            self.change(then, "POST", "/v1/devices/events", json={"name": "temp", "data": "20"})
        return True

    def look_at_the_plan(self, then):
        self.operations_told = self.operations()
        return True

    def operations(self):
        answer = self.ask("GET", "/v1/user/service_agreements").json()
        return answer["data"][0]["attributes"]["current_usage_summary"]["connectivity"]["all"]["device_messages"]

    def _one(self, then, ids, effect, method, path, body=None):
        """A request about one of some things."""
        if not ids:
            return False
        which = self.rng.choice(sorted(ids))
        effect(which)
        more = {} if body is None else {"json": body(which)}
        self.change(then, method, path.format(which), **more)
        return True

    def seen(self):
        """The model as the cloud tells it."""
        seen = Model(self.devices, self.model.sims)
        mine = self.ask("GET", "/v1/devices").json()
        members = self.pages(f"{self.product}/devices", "devices")
        seen.owned = {device["id"] for device in mine}
        seen.members = {device["id"] for device in members}
        assert {device["id"] for device in members if device["owner"] == self.username} == seen.owned & seen.members
        seen.names = dict(self.model.names)  # of what is neither mine nor a member's nothing can be seen
        seen.names.update({device["id"]: device["name"] for device in [*mine, *members]})
        seen.groups.update({device["id"]: tuple(device["groups"]) for device in members})
        for place, path in (("user", "/v1/sims"), ("product", f"{self.product}/sims")):
            for sim in self.pages(path, "sims"):
                assert seen.sims[sim["iccid"]] == (None, None), f"SIM {sim['iccid']} is in two places"
                assert sim["last_status_change_action"] == "activate"
                seen.sims[sim["iccid"]] = (place, sim["mb_limit"])
        seen.tokens = {token: self.valid(token) for token in self.model.tokens}
        seen.products = {each["name"] for each in self.ask("GET", "/v1/user/products").json()["products"] if each["name"] != self.username}
        return seen

    def valid(self, token):
        answer = httpx.get(f"{self.http.base_url}/v1/access_tokens/current", headers={"Authorization": f"Bearer {token}"}, timeout=60)
        assert answer.status_code in (200, 401)
        return answer.status_code == 200

    def pages(self, path, what):
        found, number, pages = [], 1, 1
        while number <= pages:
            answer = self.ask("GET", path, params={"page": number, "perPage": 100}).json()
            found += answer[what]
            pages = answer["meta"]["total_pages"]
            number += 1
        return found

    def check(self):
        """Hold what the cloud tells against what it answered before it was killed."""
        seen = self.seen()
        differences = [each.differences(seen) for each in (self.model, self.under_way) if each is not None]
        assert [] in differences, f"{self.username}: neither as answered, nor with the request that was under way: {differences}"
        assert self.operations() >= self.operations_told, "a count that was told is kept"
        self.model, self.under_way = seen, None


STEPS = [
    *[Client.add, Client.import_file, Client.remove, Client.claim, Client.unclaim, Client.rename] * 3,
    *[Client.regroup] * 12,
    *[Client.activate, Client.limit, Client.import_sims, Client.make_token, Client.revoke_token, Client.make_product] * 2,
    Client.publish,
    Client.look_at_the_plan,
]


def prepared(state, seed):
    """A state with users who have a product each, and devices and SIMs that the factory made; gives the clients."""
    driver = InlineDriver()
    cloud = Cloud(driver.clock, random.Random(seed), driver.reply, Storage(state), CloudSettings())
    rng = random.Random(seed)
    clients = []
    for number in range(CLIENTS):
        username = f"u{number}@example.com"
        cloud.accounts.create(username, PASSWORD)
        who = cloud.tokens.principal(cloud.tokens.password_grant("particle", "particle", username, PASSWORD).token)
        product = cloud.products.create(who, username, PHOTON, plan=Plan.GROWTH)
        ids = [cloud.factory.manufacture(f"{(number << 32) + count + 1:024x}", PHOTON).id for count in range(DEVICES)]
        iccids = [cloud.sims.make(make_iccid(rng)).iccid for _ in range(SIMS)]
        clients.append(Client(number, seed, ids, iccids, product.id))
    cloud.close()
    return clients


def work_until_killed(server, clients, answers, delay):
    """Let all clients work at once, and kill the server `delay` seconds after so many requests of all of them were answered."""
    enough, count, lock, errors = threading.Event(), [0], threading.Lock(), []

    def work(client):
        try:
            while True:
                client.step()
                with lock:
                    count[0] += 1
                if count[0] >= answers:
                    enough.set()
        except Killed:
            pass
        except BaseException as error:
            errors.append(error)
        finally:
            enough.set()

    threads = [threading.Thread(target=work, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    try:
        assert enough.wait(120)
        time.sleep(delay)
    finally:
        server.kill()
        for thread in threads:
            thread.join()
    assert not errors, errors
    assert count[0] >= answers


def run(tmp_path, seed, *, kills, wait_for_sims):
    """Work, kill, start again and look, so many times over. Everything drawn comes from the seed, which is in the test's name."""
    state, rng = tmp_path / "cloud.db", random.Random(seed)
    clients = prepared(state, seed)
    server = Server(state)
    try:
        for _ in range(kills):
            for client in clients:
                client.connect(server.url)
            work_until_killed(server, clients, rng.randrange(1, 150), rng.random() * 0.01)
            server = Server(state)
            for client in clients:
                client.connect(server.url)
                client.check()
        if wait_for_sims:
            ordered_sims_become_active(server, clients)
    finally:
        server.kill()
        for client in clients:
            client.leave()


def ordered_sims_become_active(server, clients):
    """What the network was asked before the kill goes on after it; it takes a SIM of this kind at most 10 s."""
    deadline = time.monotonic() + 60
    for client in clients:
        while any(sim["status"] != "active" for path in ("/v1/sims", f"{client.product}/sims") for sim in client.pages(path, "sims")):
            assert time.monotonic() < deadline, "a SIM whose activation was answered never became active"
            time.sleep(0.1)


def test_what_was_answered_outlives_a_kill_and_nothing_is_half_there(tmp_path):
    run(tmp_path, seed=1, kills=2, wait_for_sims=True)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 200))
def test_a_hundred_times_what_was_answered_outlives_a_kill(tmp_path, seed):
    run(tmp_path, seed, kills=1, wait_for_sims=False)
