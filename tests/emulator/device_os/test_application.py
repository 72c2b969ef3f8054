"""The application model, and Tinker."""

import pytest

from emulator.clock import Clock
from emulator.device_os.application import Application, every, function, subscribe, variable
from emulator.device_os.tinker import Tinker
from particle_protocol.messages import VariableType


class Context:
    """A board that runs an application, as far as the application can tell."""

    connected = True

    def __init__(self):
        self.clock = Clock()
        self.published = []

    @property
    def now(self):
        return self.clock.now

    def publish(self, name, data, *, ttl, public, with_ack):
        self.published.append((name, data, ttl, public, with_ack))
        return True

    def call_later(self, delay, callback, *args):
        return self.clock.call_later(delay, callback, *args)


class Thermometer(Application):
    limit = 30.0

    @function("setLimit")
    def set_limit(self, argument: str) -> int:
        self.limit = float(argument)
        return 7

    @function
    def off(self, argument: str) -> int:
        return 0

    @variable
    def temperature(self) -> float:
        return 21.5

    @variable("name")
    def label(self) -> str:
        return "kitchen"

    @subscribe("alarm/", own_devices=True)
    def on_alarm(self, name: str, data: str) -> None:
        self.publish("heard", f"{name}={data}", with_ack=True)

    @every(10.0)
    def tick(self) -> None:
        self.publish("tick")

    def setup(self) -> None:
        self.add_variable("count", lambda: 3)
        self.add_variable("hot", self.is_hot)

    def is_hot(self) -> bool:
        return self.temperature() > self.limit


@pytest.fixture
def context():
    return Context()


@pytest.fixture
def thermometer(context):
    made = Thermometer()
    made.start(context)
    return made


def test_it_is_described_in_the_order_of_its_class_and_then_of_its_setup(thermometer):
    assert thermometer.describe().functions == ("setLimit", "off")
    assert list(thermometer.describe().variables.items()) == [
        ("temperature", VariableType.DOUBLE),
        ("name", VariableType.STRING),
        ("count", VariableType.INT),
        ("hot", VariableType.BOOL),
    ]


def test_functions_are_called_by_their_cloud_name(thermometer):
    assert thermometer.call("setLimit", "20") == 7
    assert thermometer.limit == 20.0
    assert thermometer.variables["hot"].get() is True
    assert thermometer.call("set_limit", "20") is None


def test_events_go_to_handlers_by_prefix(thermometer, context):
    assert thermometer.deliver("alarm/fire", "now")
    assert not thermometer.deliver("alarms", "now")
    assert context.published == [("heard", "alarm/fire=now", 60, False, True)]
    assert thermometer.subscriptions[0].message.own


def test_timers_go_on_as_long_as_the_boot(thermometer, context):
    for _ in range(3):
        context.clock.run_next()
    assert context.now == 30.0
    assert len(context.published) == 3


def test_a_subclass_inherits_and_overrides(context):
    class Better(Thermometer):
        @function("setLimit")
        def set_limit(self, argument: str) -> int:
            return 8

        @function
        def on(self, argument: str) -> int:
            return 1

    better = Better()
    better.start(context)
    assert list(better.functions) == ["setLimit", "off", "on"]
    assert better.call("setLimit", "") == 8


def test_an_empty_application_has_nothing(context):
    empty = Application()
    empty.start(context)
    assert empty.describe().functions == ()
    assert not empty.deliver("any", "")
    assert empty.product is None


def test_an_application_that_does_not_run_cannot_publish():
    with pytest.raises(RuntimeError, match="Thermometer does not run"):
        Thermometer().publish("x")


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_names_have_1_to_64_characters(context, name):
    with pytest.raises(ValueError, match="1 to 64"):
        Application().add_function(name, len)


@pytest.fixture
def tinker(context):
    made = Tinker()
    made.start(context)
    return made


def test_tinker_registers_its_four_functions(tinker):
    assert tinker.describe().functions == ("digitalread", "digitalwrite", "analogread", "analogwrite")


@pytest.mark.parametrize(
    ("name", "argument", "result"),
    [
        ("digitalwrite", "D7 HIGH", 1),
        ("digitalwrite", "D7,LOW", 1),
        ("digitalwrite", "A3 HIGHEST", 1),
        ("digitalwrite", "D8 HIGH", -1),
        ("digitalwrite", "D7 high", -2),
        ("digitalwrite", "D7", -2),
        ("digitalwrite", "X7 HIGH", -3),
        ("digitalwrite", "", -1),
        ("digitalread", "D7", 0),
        ("digitalread", "D9", -1),
        ("digitalread", "B1", -2),
        ("analogread", "A0", 0),
        ("analogread", "D0", -3),
        ("analogread", "X0", -2),
        ("analogread", "A", -1),
        ("analogwrite", "D0 128", 1),
        ("analogwrite", "TX 12", 1),
        ("analogwrite", "A9 1", -1),
        ("analogwrite", "X1 1", -2),
    ],
)
def test_tinker_takes_its_arguments_as_on_a_photon(tinker, name, argument, result):
    assert tinker.call(name, argument) == result


def test_tinker_reads_what_was_written_or_wired(tinker):
    tinker.call("digitalwrite", "D7 HIGH")
    tinker.pins["A0"] = 2048
    assert tinker.call("digitalread", "D7") == 1
    assert tinker.call("analogread", "A0") == 2048
    tinker.call("analogwrite", "A1 77")
    tinker.call("analogwrite", "A2 x")
    assert (tinker.call("analogread", "A1"), tinker.call("analogread", "A2")) == (77, 0)
