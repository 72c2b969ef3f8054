"""Everything that can be done about owners, in any order: a model of a page says who owns what, and the cloud agrees."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from emulator.cloud import CloudSettings
from emulator.cloud.claims import Claimed
from emulator.cloud.errors import CloudError
from emulator.cloud.records import OwnerKind

LIMIT = 3
DEVICES = 6


class Claiming(RuleBasedStateMachine):
    """Users, a customer and a team race for six devices, two of which begin as members of a free product."""

    make_world = None
    codes = Bundle("codes")
    transfers = Bundle("transfers")
    people = st.sampled_from(["o", "t", "u", "c"])
    numbers = st.integers(0, DEVICES - 1)

    @initialize()
    def begin(self):
        self.world = self.make_world(CloudSettings(device_limit=LIMIT))
        world = self.world
        self.who = {name: world.user(name) for name in ("o", "t", "u")}
        self.product = world.product(self.who["o"])
        self.who["t"] = world.teammate(self.who["o"], self.product, "t")
        self.who["c"] = world.customer(self.who["o"], self.product, "c")
        self.devices = [world.device() for _ in range(DEVICES)]
        world.cloud.members.add(self.who["o"], self.product.id, [device.id for device in self.devices[:2]])
        self.owner = dict.fromkeys(range(DEVICES))
        self.inside = {0, 1}
        self.sessions = {}
        self.used = set()

    def counted(self, name):
        """What the model says is in the free plan of a user."""
        own = sum(1 for number, owner in self.owner.items() if owner == name and number not in self.inside)
        return own + (len(self.inside) if name == "o" else 0)

    def attempt(self, call):
        """Whether it happened."""
        try:
            return call()
        except CloudError:
            return None

    @rule(number=numbers)
    def connect(self, number):
        self.sessions[number] = self.world.connect(self.devices[number])

    @rule(number=numbers)
    def leave(self, number):
        session = self.sessions.pop(number, None)
        if session is not None:
            session.leave()

    @rule(name=people, number=numbers)
    def claim(self, name, number):
        happened = self.attempt(lambda: self.world.cloud.claims.claim(self.who[name], self.devices[number].id))
        inside, online, owner = number in self.inside, number in self.sessions, self.owner[number]
        allowed = owner == name or (
            owner is None
            and (inside if name == "c" else True)
            and (online or (inside and name in ("o", "t")))
            and (name == "c" or inside or self.counted(name) < LIMIT)
        )
        assert isinstance(happened, Claimed) == allowed
        if allowed:
            self.owner[number] = name

    @rule(target=transfers, name=st.sampled_from(["o", "t", "u"]), number=numbers)
    def ask(self, name, number):
        if self.owner[number] in (None, name):
            return None
        return (
            self.world.cloud.claims.claim(self.who[name], self.devices[number].id, request_transfer=True),
            self.owner[number],
            name,
            number,
        )

    @rule(request=transfers, accept=st.booleans())
    def answer(self, request, accept):
        if request is None:
            return
        transfer, asked, name, number = request
        still_open = any(each.id == transfer.id for each in self.world.cloud.transfers.of(self.devices[number].id))
        happened = self.attempt(lambda: self.world.cloud.transfers.answer(transfer.answer_token, accept=accept))
        if not still_open:
            assert happened is None
            return
        assert self.owner[number] == asked
        room = number in self.inside or self.counted(name) < LIMIT
        assert (happened is not None) == (not accept or room)
        if accept and room:
            self.owner[number] = name

    @rule(name=people, number=numbers)
    def unclaim(self, name, number):
        happened = self.attempt(lambda: self.world.cloud.claims.unclaim(self.who[name], self.devices[number].id))
        assert (happened is not None) == (self.owner[number] == name)
        if happened is not None:
            self.owner[number] = None

    @rule(number=numbers)
    def release(self, number):
        happened = self.attempt(lambda: self.world.cloud.claims.release(self.who["t"], self.product.id, self.devices[number].id))
        assert (happened is not None) == (number in self.inside)
        if happened is not None:
            self.owner[number] = None

    @rule(number=numbers)
    def add(self, number):
        team = self.owner[number] in (None, "o", "t")
        fits = self.counted("o") + (self.owner[number] != "o") <= LIMIT
        happened = self.attempt(lambda: self.world.cloud.members.add(self.who["t"], self.product.id, [self.devices[number].id]))
        if number in self.inside:
            assert happened.existing
        elif not team:
            assert happened.nonmember
        else:
            assert (happened is not None) == fits
            if fits:
                self.inside.add(number)

    @rule(number=numbers)
    def remove(self, number):
        happened = self.attempt(lambda: self.world.cloud.members.remove(self.who["o"], self.product.id, self.devices[number].id) or True)
        assert (happened is not None) == (number in self.inside)
        if happened:
            self.inside.discard(number)
            if self.owner[number] == "c":
                self.owner[number] = None

    @rule(target=codes, name=people)
    def make_code(self, name):
        product = self.product.id if name == "c" else None
        return name, self.world.cloud.claim_codes.create(self.who[name], product=product).code

    @precondition(lambda self: self.sessions)
    @rule(code=codes, data=st.data())
    def bring_code(self, code, data):
        name, text = code
        number = data.draw(st.sampled_from(sorted(self.sessions)))
        self.sessions[number].event("spark/device/claim/code", text)
        if text in self.used:
            return
        inside, owner = number in self.inside, self.owner[number]
        if owner != name:
            if owner is not None and inside:
                return
            fits = self.counted("o" if name == "c" else name) < LIMIT or (name == "c" and owner == "o")
            if not inside and not fits:
                return
            self.owner[number] = name
            if name == "c":
                self.inside.add(number)
        self.used.add(text)

    @invariant()
    def everybody_agrees(self):
        if not hasattr(self, "owner"):
            return
        for number, device in enumerate(self.devices):
            now = self.world.now(device)
            found = None if now.owner is None else next(name for name, who in self.who.items() if who.account == now.owner.id)
            assert found == self.owner[number]
            assert (now.product_id == self.product.id) == (number in self.inside)
            assert self.world.cloud.connections.online(device.id) == (number in self.sessions)
            if found is not None:
                assert (now.owner.kind is OwnerKind.CUSTOMER) == (found == "c")
        for name in ("o", "t", "u", "c"):
            listed = {device.id for device in self.world.cloud.devices.list(self.who[name])}
            assert listed == {self.devices[number].id for number, owner in self.owner.items() if owner == name}
        for name in ("o", "t", "u"):
            assert self.world.cloud.agreements.of(self.who[name]).devices == self.counted(name)


def test_owners_are_what_the_rules_make_of_them(make_world):
    machine = type("ClaimingHere", (Claiming,), {"make_world": staticmethod(make_world)})
    run_state_machine_as_test(machine, settings=settings(max_examples=60, stateful_step_count=40, deadline=None))
