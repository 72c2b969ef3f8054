"""The host's end against every bootloader, in memory."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from particle_protocol.dfu import (
    AccessError,
    AddressError,
    DfuError,
    DfuProtectedError,
    DfuProtocolError,
    DfuReport,
    DfuseMap,
    DfuSession,
    DfuState,
    DfuStatusError,
    DfuTimeout,
    Leave,
    get_status,
    open_session,
    protected_map,
)
from particle_protocol.usb import Setup, Stall

ALL = ["photon", "p1", "electron", "boron", "tracker", "p2", "msom"]
USER = {"photon": 0x080A0000, "p1": 0x080A0000, "electron": 0x08080000, "boron": 0xB4000, "tracker": 0xB4000}


@pytest.fixture
def opened(board, wire):
    """A board, a wire to it, and a session over that."""

    def opened(platform="photon", **options):
        target = board(platform, **options)
        line = wire(target.control)
        line.on_pause = target.pass_time
        return target, line, line.run(open_session())

    return opened


@pytest.mark.parametrize("platform", ALL)
@pytest.mark.parametrize("seconds", [0.0, 0.25])
def test_an_image_is_written_read_back_and_started(opened, platform, seconds):
    target, line, session = opened(platform, seconds=seconds)
    assert [m.name for m in session.alternates][:2] == ["Internal Flash", "DCT Flash"]
    address = USER.get(platform, 0x08500000)
    image = bytes(i * 7 & 0xFF for i in range(9000))
    progress = []
    target.memories[0].program(address, bytes(64))
    line.run(session.write(0, address, image, progress=lambda *step: progress.append(step)))
    assert progress == [(4096, 9000), (8192, 9000), (9000, 9000)]
    assert line.run(session.read(0, address, 9000, progress=lambda *step: progress.append(step))) == image
    assert progress[3:] == progress[:3]
    line.run(session.leave())
    assert target.events == [Leave.RESTART]
    assert bool(line.pauses) is bool(seconds)


@pytest.mark.parametrize("platform", ALL)
def test_settings_are_changed_without_erasing(opened, platform):
    target, line, session = opened(platform)
    line.run(session.write(1, 1762, b"c" * 63, erase=False))
    line.run(session.write(1, 1762, b"d" * 63, erase=False))
    assert line.run(session.read(1, 1760, 67)) == b"\xff\xff" + b"d" * 63 + b"\xff\xff"
    assert not any("erase" in op for op in target.memories[1].operations)


def test_only_the_sectors_of_the_range_are_erased(opened):
    target, line, session = opened("boron")
    progress = []
    line.run(session.erase(0, 0xB4001, 0x2000, progress=lambda *step: progress.append(step)))
    assert target.memories[0].operations == ["erase 0xb4000", "erase 0xb5000", "erase 0xb6000"]
    assert progress == [(1, 3), (2, 3), (3, 3)]


def test_the_address_is_set_once_for_a_range(opened):
    _, line, session = opened("photon")
    line.said.clear()
    line.run(session.write(0, 0x080A0000, bytes(4096 * 5)))
    assert [s.value for s, _ in line.said if s.request == 1] == [0, 0, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("platform", ALL)
@pytest.mark.parametrize("trouble", ["error", "download", "upload", "sync", "leaving"])
def test_a_device_is_picked_up_wherever_it_was_left(opened, platform, trouble):
    target, line, session = opened(platform)
    steps = {
        "error": [Setup(0x21, 4, 0, 0, 0)],
        "download": [Setup(0x21, 1, 0, 0, 5), Setup(0xA1, 3, 0, 0, 6)],
        "upload": [Setup(0xA1, 2, 2, 0, 4)],
        "sync": [Setup(0x21, 1, 2, 0, 4)],
        "leaving": [Setup(0x21, 1, 2, 0, 0)],
    }[trouble]
    for setup in steps:
        with contextlib.suppress(Stall):
            target.control(setup, b"\x21\0\0\0\0"[: setup.length])
    if trouble == "leaving":
        target.control(Setup(0x21, 6, 0, 0, 0))  # nobody can take back a leave that has been reported
    address = USER.get(platform, 0x08500000)
    line.run(session.write(0, address, b"firmware"))
    assert line.run(session.read(0, address, 8)) == b"firmware"


def test_what_the_map_forbids_is_refused_before_anything_is_sent(opened):
    _, line, session = opened("photon")
    line.said.clear()
    with pytest.raises(AddressError, match="0x080fffff-0x08100001 in Internal Flash"):
        line.run(session.write(0, 0x080FFFFF, b"ab"))
    with pytest.raises(AccessError, match="memory map does not allow"):
        line.run(session.write(0, 0x08000000, b"ab"))
    with pytest.raises(AddressError, match="alternate 7"):
        line.run(session.read(7, 0, 1))
    with pytest.raises(AddressError):
        line.run(session.erase(0, 0, 1))
    assert line.run(session.read(0, 0x080A0000, 0)) == b""
    line.run(session.write(0, 0x080A0000, b""))
    assert not line.said


def test_a_protected_device_is_recognised(opened):
    target, line, session = opened("boron", protected=lambda: True)
    protected = DfuSession([DfuseMap.parse(protected_map(m.name)) for m in target.memories])
    line.said.clear()
    with pytest.raises(DfuProtectedError, match="protected"):
        line.run(protected.write(0, 0xB4000, b"x"))
    assert not line.said
    assert line.run(protected.protection()) == "protected"
    with pytest.raises(DfuStatusError, match=r"ERR_VENDOR.*The device is protected") as caught:
        line.run(session.write(0, 0xB4000, b"x"))
    assert caught.value.status == 0x0B
    assert line.run(get_status()).state is DfuState.IDLE


def test_an_error_of_the_device_is_named_and_cleared(opened):
    target, line, session = opened("boron")
    target.memories[0].broken = True
    with pytest.raises(DfuStatusError, match=r"erasing the sector at 0x000b4000: the device reports ERR_UNKNOWN"):
        line.run(session.write(0, 0xB4000, b"x"))
    with pytest.raises(DfuStatusError, match="reading at 0x000b4000"):
        line.run(session.read(0, 0xB4000, 1))
    target.memories[0].broken = False
    line.run(session.write(0, 0xB4000, b"x"))


@pytest.mark.parametrize("platform", ["boron", "p2"])
def test_safe_mode(opened, platform):
    target, line, session = opened(platform)
    line.run(session.enter_safe_mode())
    assert target.events == [Leave.SAFE_MODE]


def test_a_photon_cannot_be_sent_to_safe_mode_over_dfu(opened):
    _, line, session = opened("photon")
    with pytest.raises(AccessError, match="safe mode"):
        line.run(session.enter_safe_mode())


def scripted(answers):
    """A device that answers GETSTATUS from a list, the last one for ever, and takes everything else."""
    script = list(answers)

    def control(setup, data):
        if setup.request_type == 0xA1 and setup.request == 3:
            answer = script.pop(0) if len(script) > 1 else script[0]
            if answer is None:
                raise Stall
            return answer
        return b""

    return control


def report(state, status=0, poll=0):
    return bytes((status, poll & 0xFF, poll >> 8, 0, state, 0))


def test_a_device_that_stays_busy_is_given_up(wire):
    session = DfuSession([DfuseMap.parse("@F /0x0/4*004Kg")])
    for poll in (0, 1000):
        line = wire(scripted([report(2), report(4, poll=poll)]))
        with pytest.raises(DfuTimeout, match="60 s"):
            line.run(session.write(0, 0, b"x"))
        assert sum(line.pauses) <= 60


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        ([None], "refused to tell"),
        ([b"\0\0"], "2 bytes instead of 6"),
        ([report(77)], "state 77"),
        ([report(8)], "MANIFEST_WAIT_RESET"),
        ([report(10, 3)], "ERROR"),
    ],
)
def test_a_device_that_makes_no_sense_is_reported(wire, answers, complaint):
    session = DfuSession([DfuseMap.parse("@F /0x0/4*004Kg")])
    with pytest.raises(DfuProtocolError, match=complaint):
        wire(scripted(answers)).run(session.write(0, 0, b"x"))


def test_a_short_upload_is_an_error(wire):
    session = DfuSession([DfuseMap.parse("@F /0x0/4*004Kg")])
    line = wire(scripted([report(2), report(5), report(2), report(9), report(2)]))
    with pytest.raises(DfuProtocolError, match="got 0 of 10 bytes"):
        line.run(session.read(0, 0, 10))


def test_an_unknown_error_is_still_an_error():
    assert "status 99" in str(DfuStatusError("writing", 99))


@pytest.mark.parametrize(
    "configuration", [b"", b"\x09\x02", bytes(9), bytes.fromhex("09021b00010104c032") + b"\x12\x04", b"\x09\x02\x09\0\1\1\4\xc0\x32"]
)
def test_a_device_without_dfu_is_refused(wire, configuration):
    with pytest.raises(DfuProtocolError):
        wire(lambda setup, data: configuration[: setup.length]).run(open_session())


def test_a_device_that_tells_nothing_is_refused(wire):
    def control(setup, data):
        raise Stall

    with pytest.raises(DfuProtocolError):
        wire(control).run(open_session())


@given(st.binary(max_size=12))
def test_any_bytes_are_a_report_or_refused(data):
    with contextlib.suppress(DfuProtocolError):
        assert DfuReport.decode(data).state in DfuState


transfers = st.tuples(
    st.builds(Setup, st.sampled_from([0x21, 0x21, 0xA1, 0x01]), st.integers(0, 7), st.integers(0, 4), st.just(0), st.integers(0, 9)),
    st.sampled_from([b"", b"\x21\0\0\0\0", b"\x41\0\0\x0b\0", b"\x41", b"\0", b"\xfb", b"\x92", b"datadata1"]),
    st.sampled_from([0.0, 0.01, 1.0]),
)


@given(st.sampled_from(["photon", "boron", "p2"]), st.lists(transfers, max_size=30), st.booleans())
@settings(max_examples=300, deadline=None)
def test_no_transfers_leave_a_device_stuck(board, wire, platform, said, protected):
    target = board(platform, seconds=0.02, protected=lambda: protected)
    for setup, data, seconds in said:
        target.pass_time(seconds)
        request = setup if setup.request_type == 0xA1 else Setup(setup.request_type, setup.request, setup.value, 0, len(data))
        if request.request_type == 0x01:
            target.device.alternate = setup.value % len(target.memories)
            continue
        with contextlib.suppress(Stall):
            assert len(target.control(request, b"" if request.is_in else data)) <= request.length
    line = wire(target.control)
    line.on_pause = target.pass_time
    with contextlib.suppress(DfuProtocolError):
        line.run(DfuSession([m.map for m in target.memories]).make_idle())
    assert target.device.state is DfuState.IDLE or Leave.RESTART in target.events  # what leaves is reset


class FlashMachine(RuleBasedStateMachine):
    """A host writes, erases and reads at random; a model of the flash says what it must find."""

    @initialize(platform=st.sampled_from(["photon", "boron", "p2"]), seconds=st.sampled_from([0.0, 0.05]))
    def plug_in(self, platform, seconds):
        self.board = FlashMachine.make_board(platform, seconds=seconds)
        self.line = FlashMachine.make_wire(self.board.control)
        self.line.on_pause = self.board.pass_time
        self.session = self.line.run(open_session())
        self.base = 0xB4000 if platform == "boron" else self.board.memories[0].firmware
        self.sector = self.board.memories[0].map.segment_at(self.base).sector_size
        self.model = bytearray(b"\xff" * (4 * self.sector))

    @rule(offset=st.integers(0, 9000), data=st.binary(min_size=1, max_size=20), times=st.sampled_from([1, 300]), erase=st.booleans())
    def write(self, offset, data, times, erase):
        data *= times
        self.line.run(self.session.write(0, self.base + offset, data, erase=erase))
        if erase:
            first, last = offset // self.sector, (offset + len(data) - 1) // self.sector
            self.model[first * self.sector : (last + 1) * self.sector] = b"\xff" * ((last + 1 - first) * self.sector)
        for i, byte in enumerate(data, offset):
            self.model[i] &= byte

    @rule(offset=st.integers(0, 9000), length=st.integers(1, 6000))
    def read(self, offset, length):
        assert self.line.run(self.session.read(0, self.base + offset, length)) == bytes(self.model[offset : offset + length])

    @rule(request=st.sampled_from([0, 1, 4, 6]), data=st.sampled_from([b"\x92", b"\x21\0\0"]))
    def somebody_interferes(self, request, data):
        with contextlib.suppress(Stall):
            self.board.control(Setup(0x21, request, 0, 0, len(data) if request == 1 else 0), data if request == 1 else b"")

    @rule()
    def mistake(self):
        with contextlib.suppress(DfuError):
            self.line.run(self.session.write(0, 0x7FFFFFFF, b"x"))

    @invariant()
    def never_leaves_by_itself(self):
        assert not hasattr(self, "board") or Leave.RESTART not in self.board.events


def test_flash_behaves_as_a_model_of_flash(board, wire):
    from hypothesis.stateful import run_state_machine_as_test

    FlashMachine.make_board, FlashMachine.make_wire = board, wire
    run_state_machine_as_test(FlashMachine, settings=settings(max_examples=30, stateful_step_count=10, deadline=None))
