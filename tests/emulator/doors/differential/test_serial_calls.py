"""Every call of `serial.Serial`, on `emu://` and on the real pyserial: same script, same results."""

import re

import pytest
import serial

SCRIPTS = {
    "settings": """
        p = Serial(PORT, timeout=0.02)
        p.write(b"x")
        p.baudrate = 115200
        p.baudrate = 14400
        p.baudrate = 12345
        p.baudrate = "19200"
        p.baudrate = 0
        p.baudrate = 9600
        p.baudrate = -1
        p.baudrate = "fast"
        p.baudrate = None
        p.baudrate
        p.stopbits = 2
        p.stopbits = 1.5
        p.stopbits = 1
        p.stopbits = 3
        p.bytesize = 9
        p.bytesize = 8
        p.parity = "Q"
        p.parity = "N"
        p.xonxoff = False
        p.rtscts = True
        p.rtscts = False
        p.dsrdtr = True
        p.dsrdtr = None
        p.timeout = None
        p.timeout = 0.02
        p.timeout = -1
        p.timeout = "x"
        p.write_timeout = 1
        p.write_timeout = -1
        p.write_timeout = "x"
        p.inter_byte_timeout = 0.1
        p.inter_byte_timeout = 25.6
        p.baudrate = 19200
        p.inter_byte_timeout = None
        p.inter_byte_timeout = -1
        p.exclusive = True
        p.exclusive = False
        p.exclusive = None
        p.get_settings()
        p.apply_settings({"baudrate": 19200, "timeout": 0.01})
        p.getSettingsDict()
        p.applySettingsDict({"baudrate": 38400})
        p.rs485_mode
        p.rs485_mode = __import__("serial.rs485").rs485.RS485Settings()
        p.baudrate = 9600
        p.rs485_mode = None
        (p.BAUDRATES, p.BYTESIZES, p.PARITIES, p.STOPBITS)
        repr(p).split("(port")[1]
        (p.port, p.portstr, p.name)
        (p.writeTimeout, p.interCharTimeout)
        p.writeTimeout = 2
        p.interCharTimeout = 0.1
        p.read(1)
        p.close()
        p.baudrate = 57600
        p.open()
    """,
    "opening and closing": """
        p = Serial()
        p.open()
        p.is_open
        p.in_waiting
        p.out_waiting
        p.read()
        p.write(b"x")
        p.cts
        p.dtr = False
        p.flush()
        p.close()
        p.port = PORT
        p.open()
        p.open()
        (p.is_open, p.isOpen(), p.closed, p.readable(), p.writable(), p.seekable(), p.isatty(), p.dtr, p.rts)
        p.dtr = True
        p.timeout = 0.02
        p.close()
        p.close()
        p.in_waiting
        p.inWaiting()
        p.out_waiting
        p.read(1)
        p.read_all()
        p.read_until()
        p.readline()
        p.write(b"x")
        p.flush()
        p.reset_input_buffer()
        p.reset_output_buffer()
        p.flushInput()
        p.flushOutput()
        p.cancel_read()
        p.cancel_write()
        p.send_break()
        p.break_condition = True
        p.break_condition = False
        (p.dtr, p.rts, p.break_condition)
        p.cts
        p.dsr
        p.ri
        p.cd
        p.set_input_flow_control()
        p.set_output_flow_control()
        p.fileno() is None
        p.rts = False
        p.__enter__() is p
        p.is_open
        p.setPort(PORT)
        p.port = 7
        p.__exit__(None, None, None)
        p.rts = True
        p = Serial(PORT, 115200, timeout=0.02, dsrdtr=True)
        p.dtr
        q = Serial(PORT, rtscts=True, timeout=0)
        p.close()
        q.close()
        p = Serial(PORT, nonsense=1)
        p = Serial(PORT, baudrate="x")
        p = Serial(PORT, bytesize=3)
        p = Serial(PORT, inter_byte_timeout=30)
        p = Serial(PORT + "9")
        p = Serial(PORT, writeTimeout=1, interCharTimeout=0.1, timeout=0)
        p.read(5)
    """,
    "bytes": """
        p = Serial(PORT, timeout=0.02)
        p.write(b"hello")
        p.read(5)
        p.write(bytearray(b"ab"))
        p.write([1, 2, 3])
        p.write(memoryview(b"cd"))
        p.write(array("B", b"ef"))
        p.write(4)
        p.write("text")
        p.write(None)
        p.write(b"")
        p.write(data=b"named")
        p.read(size=3)
        p.read()
        p.read(0)
        p.read(-1)
        p.read("x")
        p.read_all()
        p.read(1)
        p.timeout = 0
        p.read(9)
        p.write(b"line one\nline two\nrest")
        p.readline()
        p.read_until()
        p.read_until(b"S")
        p.read_until(b"T", 3)
        p.write(b"one\ntwo\n")
        p.readlines()
        p.write(b"one;two;")
        next(p.iread_until(b";"))
        list(p.iread_until(b";"))
        p.write(b"12345")
        filled(p.readinto, 3)
        p.readall()
        p.writelines([b"a", b"b"])
        p.in_waiting
        p.inWaiting()
        p.reset_input_buffer()
        p.in_waiting
        p.write(b"again")
        p.flushInput()
        p.flush()
        p.reset_output_buffer()
        p.flushOutput()
        (p.in_waiting, p.out_waiting)
        p.read_all()
        p.tell()
        p.seek(0)
        p.truncate()
        board.be_silent()
        p.write(b"z" * 300)
        board.say(b"unasked")
        p.read(100)
        board.say(bytes(range(256)))
        p.read(256)
        p.close()
        board.say(b"while closed")
        p.open()
        p.read(100)
        p.write_timeout = 0
        p.write(b"at once")
        p.write_timeout = 1
        p.write(b"in a second")
    """,
    "reads and writes that are cancelled": """
        p = Serial(PORT, timeout=0.02)
        p.write(b"abc")
        p.cancel_read()
        p.cancel_read()
        p.read(0)
        p.read(2)
        p.read(2)
        p.cancel_read()
        p.close()
        p.open()
        p.write(b"def")
        p.read(2)
        p.cancel_write()
        p.write(b"")
        p.write(b"gone")
        p.write(b"counted")
        p.cancel_write()
        p.write_timeout = 0
        p.write(b"at once")
        p.write_timeout = 1
        p.write(b"noticed")
    """,
    "lines": """
        p = Serial(PORT, timeout=0.02)
        (p.cts, p.dsr, p.ri, p.cd, p.dtr, p.rts)
        p.dtr = False
        p.rts = False
        p.setDTR(True)
        p.setRTS()
        p.dtr = 0
        board.note(bytes.fromhex("a1200000000002000300"))
        (p.cts, p.dsr, p.ri, p.cd)
        board.note(bytes.fromhex("a1200000000002000800"))
        (p.getCTS(), p.getDSR(), p.getRI(), p.getCD())
        p.dtr = True
        p.baudrate = 0
        p.rts = False
        p.baudrate = 9600
        p.break_condition
        p.break_condition = True
        p.break_condition = False
        p.set_input_flow_control(False)
        p.set_input_flow_control(True)
        p.set_output_flow_control(True)
        p.set_low_latency_mode(True)
        p.set_low_latency_mode(False)
        p.nonblocking()
        p.read(2)
        board.unplug()
        p.set_low_latency_mode(True)
        p.nonblocking()
        p.close()
        p.set_low_latency_mode(True)
    """,
    "locks": """
        p = Serial(PORT, timeout=0.02)
        q = Serial(PORT, timeout=0.02)
        q.write(b"second")
        p.read(6)
        p.exclusive = True
        q.baudrate = 19200
        q.exclusive = True
        q.exclusive = None
        q.exclusive = False
        Serial(PORT, exclusive=True)
        Serial(PORT).close()
        p.exclusive = True
        p.exclusive = None
        Serial(PORT, exclusive=True)
        p.exclusive = False
        q.exclusive = True
        p.exclusive = True
        q.close()
        p.exclusive = None
        p.exclusive = True
    """,
    "a port that leaves": """
        p = Serial(PORT, timeout=0.02)
        q = Serial(PORT, timeout=0.02)
        p.write(b"hello")
        p.read(5)
        board.unplug()
        (p.is_open, p.port, p.dtr, p.timeout)
        p.in_waiting
        p.inWaiting()
        p.out_waiting
        p.read(0)
        p.read(1)
        p.read()
        p.read_all()
        p.read_until()
        p.readline()
        p.readall()
        filled(p.readinto, 3)
        next(p.iread_until())
        p.write(b"x")
        p.write(b"")
        p.write("x")
        p.writelines([b"a"])
        p.flush()
        p.reset_input_buffer()
        p.reset_output_buffer()
        p.flushInput()
        p.flushOutput()
        p.cts
        p.dsr
        p.ri
        p.cd
        p.getCTS()
        p.dtr = False
        p.rts = False
        p.setDTR()
        p.setRTS()
        p.baudrate = 19200
        p.bytesize = 8
        p.parity = "N"
        p.stopbits = 1
        p.timeout = 1
        p.timeout = "x"
        p.write_timeout = 1
        p.inter_byte_timeout = 1
        p.xonxoff = True
        p.rtscts = True
        p.dsrdtr = True
        p.exclusive = True
        q.exclusive = True
        p.exclusive = None
        p.rs485_mode = None
        p.apply_settings({"baudrate": 300})
        p.get_settings()
        p.break_condition = True
        p.send_break()
        p.send_break(0)
        p.sendBreak()
        p.set_input_flow_control()
        p.set_output_flow_control()
        p.cancel_write()
        p.cancel_read()
        p.read(1)
        p.read(1)
        p.open()
        board.plug_in()
        p.in_waiting
        p.write(b"x")
        p.timeout
        p.close()
        p.in_waiting
        q.close()
        p.open()
    """,
    "a port that a program takes away": """
        p = Serial(PORT, timeout=0.02)
        a = find()
        a.detach_kernel_driver(0)
        p.in_waiting
        p.write(b"x")
        p.close()
        p.open()
        a.attach_kernel_driver(0)
        p = Serial(PORT, timeout=0.02)
        p.write(b"back")
        p.read(4)
        a.reset()
        p.read(1)
        p.cts
    """,
    "an endpoint that is halted": """
        p = Serial(PORT, timeout=0.02)
        board.halt()
        p.write(b"lost")
        p.read(1)
        p.cts
        p.flush()
    """,
    "the list of ports": """
        [each[:0] for each in comports()]
        comports()
        board.unplug()
        comports()
    """,
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_port(script, both):
    both("Serial", [line.strip() for line in SCRIPTS[script].strip().splitlines()])


def test_no_call_is_left_out():
    played = "\n".join(SCRIPTS.values())
    own = {name for name in dir(serial.Serial) if not name.startswith("_")} - {"BAUDRATE_CONSTANTS"}
    assert {name for name in own if not re.search(rf"\bp\.{name}\b", played)} == set()
