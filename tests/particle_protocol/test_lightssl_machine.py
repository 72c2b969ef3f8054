"""Two ends and a stream that cuts, delays, spoils and closes: whatever happens, both ends agree, or end with a named error."""

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from particle_protocol.lightssl import (
    DeviceEnd,
    DeviceIdentified,
    DevicePublicKey,
    Established,
    LightSslError,
    MessageReceived,
    ServerEnd,
    lab_device_key,
    lab_server_key,
)
from particle_protocol.lightssl.end import State
from particle_protocol.protocol_errors import ProtocolErrorCode

DEVICE_ID = bytes(range(12))


class Handshake(RuleBasedStateMachine):
    """Bytes on their way are in `wires`: towards the server (0) and towards the device (1)."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self.ends = [
            ServerEnd(lab_server_key(), self.now, random_bytes=random.Random(1).randbytes),
            DeviceEnd(DEVICE_ID, lab_device_key(3), lab_server_key().public, self.now),
        ]
        self.wires = [b"", b""]
        self.sent = [[], []]
        self.heard = [[], []]
        self.credentials = [None, None]
        self.spoilt = False
        self.errors = []

    def look(self, to):
        for event in self.ends[to].events():
            if isinstance(event, MessageReceived):
                self.heard[to].append(event.data)
            elif isinstance(event, Established):
                self.credentials[to] = event.credentials
            elif isinstance(event, DeviceIdentified) and self.ends[to].state is State.EXPECT_VERDICT:
                assert event == DeviceIdentified(DEVICE_ID, lab_device_key(3).public_der)
                self.ends[to].accept(DevicePublicKey.from_der(event.public_key), self.now)
        self.wires[1 - to] += self.ends[to].data_to_send()

    def act(self, to, action):
        if self.ends[to].state is not State.FAILED:
            try:
                action()
            except LightSslError as error:
                assert self.ends[to].state is State.FAILED
                self.errors.append(error)
            self.look(to)

    @rule(to=st.integers(0, 1), size=st.integers(1, 500))
    def carry(self, to, size):
        self.look(1 - to)
        data, self.wires[to] = self.wires[to][:size], self.wires[to][size:]
        if data:
            self.act(to, lambda: self.ends[to].receive_data(data, self.now))

    @rule(to=st.integers(0, 1), place=st.integers(0, 600), flip=st.integers(1, 255))
    def spoil(self, to, place, flip):
        wire = bytearray(self.wires[to])
        if place < len(wire):
            wire[place] ^= flip
            self.wires[to] = bytes(wire)
            self.spoilt = True

    @precondition(lambda self: all(self.credentials))
    @rule(origin=st.integers(0, 1), message=st.binary(max_size=100))
    def say(self, origin, message):
        if self.ends[origin].state is State.ESTABLISHED:
            self.ends[origin].send(message)
            self.sent[origin].append(message)
            self.look(origin)

    @rule(seconds=st.floats(0.1, 25))
    def let_time_pass(self, seconds):
        self.now += seconds
        for to, end in enumerate(self.ends):
            due = end.deadline()
            if due is not None and due <= self.now:
                self.act(to, lambda end=end: end.handle_timer(self.now))
                assert end.deadline() is None

    @rule(to=st.integers(0, 1))
    def close(self, to):
        self.act(to, self.ends[to].receive_eof)

    @invariant()
    def whoever_waits_has_a_deadline(self):
        for end in self.ends:
            waits = end.state not in (State.ESTABLISHED, State.FAILED)
            assert (end.deadline() is not None) >= waits

    @invariant()
    def both_have_the_same_credentials(self):
        if all(self.credentials):
            assert self.credentials[0] == self.credentials[1]

    @invariant()
    def messages_arrive_whole_and_in_order(self):
        if not self.spoilt:
            for to in (0, 1):
                assert self.heard[to] == self.sent[1 - to][: len(self.heard[to])]

    @invariant()
    def every_error_has_a_name_and_a_reason(self):
        for error in self.errors:
            assert isinstance(error.code, ProtocolErrorCode)
            assert error.code.name in str(error)


def test_two_ends_agree_or_end_with_a_named_error():
    run_state_machine_as_test(Handshake, settings=settings(max_examples=40, stateful_step_count=30, deadline=None))


@pytest.mark.soak
def test_two_ends_agree_or_end_with_a_named_error_for_long():
    run_state_machine_as_test(Handshake, settings=settings(max_examples=3000, stateful_step_count=60, deadline=None))
