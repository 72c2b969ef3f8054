"""What `serve` says of devices that its cloud turned away."""

from harness.boards import Incident
from harness.cli.incidents import LINES, IncidentLines

STRANGER = Incident("refused", "127.0.0.1:4711", "3f002a001747343733340000", "no device of this id is registered")


def test_a_device_is_named_with_the_reason():
    ((line, data),) = IncidentLines().say([STRANGER], 0.0)
    assert line == "refused          device 3f002a001747343733340000 at 127.0.0.1:4711: no device of this id is registered"
    assert data == {
        "refused": {"peer": "127.0.0.1:4711", "device_id": "3f002a001747343733340000", "why": "no device of this id is registered"}
    }
    ((line, _),) = IncidentLines().say([Incident("refused", "127.0.0.1:1", None, "it said nothing")], 0.0)
    assert line == "refused          somebody at 127.0.0.1:1: it said nothing"


def test_a_board_that_comes_again_and_again_is_named_once_a_minute():
    lines = IncidentLines()
    said = [each for second in range(125) for each in lines.say([STRANGER], float(second))]
    more = ("59 more were turned away or not understood: GET /emulator/refusals", {"more": 59})
    assert [text for text, _ in said] == [said[0][0], more[0], said[0][0], more[0], said[0][0]]
    assert said[1] == more


def test_however_many_there_are_the_lines_are_few():
    lines = IncidentLines()
    crowd = [Incident("dropped", f"10.0.0.{number % 200}:1", f"{number:024x}", "nonsense") for number in range(5000)]
    assert len(list(lines.say(crowd, 0.0))) == LINES
    assert list(lines.say(crowd, 30.0)) == []
    (first, *others) = lines.say(crowd, 61.0)
    assert first[1] == {"more": 10_000 - LINES}
    assert len(others) == LINES
