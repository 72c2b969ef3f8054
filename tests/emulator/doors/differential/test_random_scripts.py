"""Scripts that nobody thought of: calls in any order with any arguments, in process and for real: same script, same results."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

few = settings(deadline=None, max_examples=25)
many = settings(deadline=None, max_examples=1500)


def line(form, **choices):
    """A line of a script with its blanks filled in."""
    return st.builds(lambda **chosen: form.format(**chosen), **choices)


def one_of(*values):
    return st.sampled_from(values)


handle = one_of("a", "b")
interface = one_of(0, 1, 2, 3, 31, 32)
endpoint = one_of(0x01, 0x81, 0x83, 0x80, 0x05, 0x42)
data = st.binary(max_size=80)
requests = {
    "h": handle,
    "kind": one_of(0xC0, 0x40, 0x80, 0x81, 0x82, 0x00, 0x02, 0x21, 0xA1, 0xC1, 0x41, 0x61) | st.integers(0, 255),
    "request": st.integers(0, 11) | one_of(0x20, 0x22, 80),
    "value": st.integers(0, 3) | one_of(0x100, 0x200, 0x302, 0xFFFF, 0x10000, -1),
    "index": st.integers(0, 3) | one_of(0x01, 0x81, 0x83, 0x105, 0x409),
    "what": one_of(0, 1, 6, 64, 4096, 4097, 65536) | data,
}
calls = st.one_of(
    line("{h}.ctrl_transfer({kind}, {request}, {value}, {index}, {what})", **requests),
    line("usb.util.{act}_interface({h}, {i})", h=handle, act=one_of("claim", "release"), i=interface),
    line("{h}.{act}_kernel_driver({i})", h=handle, act=one_of("attach", "detach"), i=interface),
    line("{h}.is_kernel_driver_active({i})", h=handle, i=interface),
    line("{h}.set_configuration({value})", h=handle, value=one_of(0, 1, 2)),
    line("{h}._ctx.backend.set_interface_altsetting({h}._ctx.handle, {i}, {alt})", h=handle, i=interface, alt=one_of(0, 1, 2, 255, 256)),
    line("{h}.set_interface_altsetting({i}, {alt})", h=handle, i=interface, alt=one_of(0, 1, 2)),
    line("{h}.clear_halt({ep})", h=handle, ep=endpoint),
    line("{h}.write({ep}, {what}, 15)", h=handle, ep=endpoint, what=data),
    line("{h}.read({ep}, {size}, 15)", h=handle, ep=endpoint, size=one_of(8, 64, 512)),
    line("{h}.{what}", h=handle, what=one_of("serial_number", "langids", "reset()", "get_active_configuration()", "default_timeout")),
    line("{h} = find()", h=handle),
    line("usb.util.dispose_resources({h})", h=handle),
    one_of("board.unplug()", "board.plug_in()", "board.be_silent()", "len(comports())", "str(a)"),
)
scripts = st.lists(calls, max_size=14).map(lambda rest: ["a = find()", "b = find()", *(each for each in rest if "None" not in each)])

port = one_of("p", "q")
setting = st.one_of(
    st.tuples(st.just("baudrate"), one_of(300, 9600, 14400, 115200, 12345, -1, None, "x")),
    st.tuples(st.just("stopbits"), one_of(1, 1.5, 2, 3)),
    st.tuples(one_of("timeout", "write_timeout"), one_of(0, 0.01, -1)),
    st.tuples(st.just("inter_byte_timeout"), one_of(None, 0.1, 30, -1)),
    st.tuples(one_of("dtr", "rts", "rtscts", "dsrdtr", "break_condition"), one_of(True, False)),
    st.tuples(st.just("exclusive"), one_of(True, False, None)),
)
names = one_of("in_waiting", "out_waiting", "cts", "dsr", "ri", "cd", "dtr", "rts", "is_open", "get_settings()", "break_condition")
acts = one_of("open()", "close()", "flush()", "reset_input_buffer()", "reset_output_buffer()", "cancel_read()", "cancel_write()")
options = one_of("dsrdtr", "rtscts", "exclusive")
alone = st.one_of(
    line("{p} = Serial(PORT, timeout={timeout}, {name}={on})", p=port, timeout=one_of(0, 0.01), name=options, on=st.booleans()),
    st.builds(lambda name, chosen: f"{name}.{chosen[0]} = {chosen[1]!r}", port, setting),
    line("{p}.{name}", p=port, name=names | acts | st.just("read_all()")),
    line("{p}.write({what})", p=port, what=data),
    line("{p}.read({size})", p=port, size=st.integers(-1, 90)),
    line("{p}.read_until({end}, {size})", p=port, end=one_of(b"A", b"\n"), size=one_of(None, 3)),
    line("board.say({what})", what=data),
    one_of("board.be_silent()", "a.attach_kernel_driver(0)", "a = find()"),
)
leaving = one_of("board.unplug()", "board.plug_in()", "a.detach_kernel_driver(0)", "a.reset()").map(
    lambda line: ["p.reset_input_buffer()", "q.reset_input_buffer()", line]
)
"""The port goes, but not before what it received was read: Linux throws that away."""
openings = ["p = Serial(PORT, timeout=0.01)", "q = Serial(timeout=0)", "q.port = PORT", "a = find()"]
ports = st.lists(alone.map(lambda one: [one]) | leaving, max_size=14).map(lambda parts: sum(parts, openings))


@few
@given(scripts)
def test_any_script_for_a_serial_device(both, script):
    both("Serial", script)


@few
@given(scripts)
def test_any_script_for_a_memory_device(both, script):
    both("Memory", script)


@few
@given(ports)
def test_any_script_for_a_port(both, script):
    both("Serial", script)


@pytest.mark.soak
@many
@given(scripts)
def test_any_of_very_many_scripts_for_a_serial_device(both, script):
    both("Serial", script)


@pytest.mark.soak
@many
@given(scripts)
def test_any_of_very_many_scripts_for_a_memory_device(both, script):
    both("Memory", script)


@pytest.mark.soak
@many
@given(ports)
def test_any_of_very_many_scripts_for_a_port(both, script):
    both("Serial", script)
