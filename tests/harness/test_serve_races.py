"""Several users want the same thing at the same moment, over connections of their own: exactly one gets it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.board_spec import BoardSpec
from emulator.cloud import CloudSettings
from emulator.lab import Lab
from emulator.serving import Service
from particle_protocol.identifiers import make_iccid

USERS, ROUNDS = 8, 20
PHOTON = 6
FORM = {"grant_type": "password", "client_id": "particle", "client_secret": "particle", "password": "secret"}


class Contest:
    """A served cloud, and users with a connection each."""

    def __init__(self, lab, service):
        self.lab = lab
        self.url = service.url
        self.names = [f"u{number}@example.com" for number in range(USERS)]
        self.users = [self.user(name) for name in self.names]

    def inside(self, function, *args, **more):
        """Do something in the cloud itself."""
        return self.lab.driver.call(lambda: function(*args, **more))

    def user(self, name):
        self.inside(self.lab.cloud.accounts.create, name, "secret")
        client = httpx.Client(base_url=self.url, timeout=60)
        client.headers["Authorization"] = f"Bearer {client.post('/oauth/token', data=FORM | {'username': name}).json()['access_token']}"
        return client

    def who(self, number):
        return self.lab.cloud.tokens.principal(self.users[number].headers["Authorization"].removeprefix("Bearer "))

    def device(self, number):
        return self.inside(self.lab.cloud.factory.manufacture, f"{number:024x}", PHOTON).id

    def product(self, number, name, team=()):
        """A product of one user, and others in its team."""
        made = self.inside(self.lab.cloud.products.create, self.who(number), name, PHOTON)
        for other in team:
            self.inside(self.lab.cloud.teams.invite, self.who(number), other, "Developer", product=made.id)
        return made

    def at_once(self, ask):
        """Have every user ask at the same moment: `ask(number, client)` gives an answer; gives them all."""
        start = threading.Barrier(USERS)

        def go(number):
            start.wait(60)
            return ask(number, self.users[number])

        with ThreadPoolExecutor(USERS) as pool:
            return list(pool.map(go, range(USERS)))


@pytest.fixture(scope="module")
def contest():
    settings = CloudSettings(device_limit=None)
    with Lab(seed=5, served=True, cloud_settings=settings) as lab, Service(lab) as service:
        made = Contest(lab, service)
        yield made
        for user in made.users:
            user.close()


def winner(answers, refused):
    """Who got it; everybody else was refused with that status, and nobody with an error of the server's."""
    won = [number for number, answer in enumerate(answers) if answer.status_code < 300]
    assert len(won) == 1, [(answer.status_code, answer.text) for answer in answers]
    assert {answer.status_code for number, answer in enumerate(answers) if number not in won} == {refused}
    return won[0]


def holds(user, device_id):
    return device_id in {device["id"] for device in user.get("/v1/devices").json()}


def test_one_of_many_who_claim_a_board_that_is_online_gets_it(contest):
    contest.inside(contest.lab.network.access_point, "home", "secret123")
    board = contest.lab.add_board(BoardSpec(networks=[StoredNetwork("home", 3, "secret123")]))
    cloud, driver = contest.lab.cloud, contest.lab.driver
    driver.wait(lambda: board.led.describe() == "breathing cyan", [board.changed], timeout=60, awaited="breathing cyan")
    winners = set()
    for _ in range(ROUNDS):
        won = winner(contest.at_once(lambda _, user: user.post("/v1/devices", data={"id": board.device_id})), 403)
        assert contest.inside(lambda: cloud.owner_name(cloud.devices.by_id(board.device_id).owner)) == contest.names[won]
        assert [holds(user, board.device_id) for user in contest.users] == [number == won for number in range(USERS)]
        assert contest.users[won].delete(f"/v1/devices/{board.device_id}").status_code == 200
        winners.add(won)
    assert winners


def test_one_of_a_team_who_claim_a_member_that_is_offline_gets_it(contest):
    product = contest.product(0, "team", contest.names[1:])
    for number in range(ROUNDS):
        device_id = contest.device(1000 + number)
        contest.inside(contest.lab.cloud.members.add, contest.who(0), product.id, [device_id])
        won = winner(contest.at_once(lambda _, user, device_id=device_id: user.post("/v1/devices", data={"id": device_id})), 403)
        assert contest.users[won].get(f"/v1/devices/{device_id}").json()["owner"] == contest.names[won]


def test_one_of_many_products_gets_a_device(contest):
    products = [contest.product(number, f"product of {number}") for number in range(USERS)]
    for number in range(ROUNDS):
        device_id = contest.device(2000 + number)

        def add(number, user, device_id=device_id):
            return user.post(f"/v1/products/{products[number].id}/devices", json={"ids": [device_id]})

        answers = [answer.json() for answer in contest.at_once(add)]
        (won,) = [number for number, answer in enumerate(answers) if answer["updatedDeviceIds"] == [device_id]]
        assert all(answer["invalidDeviceIds"] == [device_id] for number, answer in enumerate(answers) if number != won)
        assert contest.inside(contest.lab.cloud.devices.by_id, device_id).product_id == products[won].id


def test_one_of_many_who_activate_a_sim_gets_it(contest):
    for _ in range(ROUNDS):
        iccid = contest.inside(lambda: contest.lab.cloud.sims.make(make_iccid(contest.lab.random)).iccid)
        answers = contest.at_once(lambda _, user, iccid=iccid: user.put(f"/v1/sims/{iccid}", json={"action": "activate"}))
        won = winner(answers, 403)
        assert contest.users[won].get(f"/v1/sims/{iccid}").json()["owner"] == contest.names[won]


def test_one_of_many_gets_a_name_for_a_product(contest):
    for number in range(ROUNDS):
        body = {"product": {"name": f"lamp {number}", "platform_id": PHOTON}}
        won = winner(contest.at_once(lambda _, user, body=body: user.post("/v1/user/products", json=body)), 409)
        assert body["product"]["name"] in {each["name"] for each in contest.users[won].get("/v1/user/products").json()["products"]}


def test_one_of_many_gets_a_username(contest):
    for number in range(ROUNDS):
        body = {"username": f"new{number}@example.com"}
        answers = contest.at_once(lambda who, user, body=body: user.post("/v1/users", json=body | {"password": f"secret {who}"}))
        won = winner(answers, 400)
        form = FORM | body | {"password": f"secret {won}"}
        assert contest.users[0].post("/oauth/token", data=form).status_code == 200


def test_a_device_that_is_claimed_and_taken_away_at_once_is_never_twos(contest):
    """Half of a team claims a device while the other half takes it from whoever has it: it is always exactly one's, or nobody's."""
    product = contest.product(0, "hot seat", contest.names[1:])
    device_id = contest.device(3000)
    contest.inside(contest.lab.cloud.members.add, contest.who(0), product.id, [device_id])
    for _ in range(ROUNDS):

        def ask(number, user):
            if number % 2:
                return user.post("/v1/devices", data={"id": device_id})
            return user.delete(f"/v1/products/{product.id}/devices/{device_id}/owner")

        answers = contest.at_once(ask)
        assert {answer.status_code for answer in answers} <= {200, 400, 403, 404}
        holders = [name for name, user in zip(contest.names, contest.users, strict=True) if holds(user, device_id)]
        assert len(holders) <= 1
        assert contest.users[0].get(f"/v1/products/{product.id}/devices/{device_id}").json()["owner"] == (holders[0] if holders else None)
