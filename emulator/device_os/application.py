"""Applications: what a board runs in its user part, as a Python class.

```python
class Thermometer(Application):
    limit = 30.0

    @function("setLimit")
    def set_limit(self, argument: str) -> int:
        self.limit = float(argument)
        return 0

    @variable
    def temperature(self) -> float:
        return 21.5

    @subscribe("alarm/")
    def on_alarm(self, name: str, data: str) -> None:
        self.publish("heard", name)

    @every(10.0)
    def tick(self) -> None:
        self.publish("temperature", str(self.temperature()))
        self.print("published")

    def serial_received(self, data: bytes) -> None:
        self.print("thank you")
```

A class says what it has by decorators, in the order in which firmware would register it; what is only known at run time is added in
`setup()` with `add_function`, `add_variable` and `add_subscription`. Functions, variables and handlers run where the Lab runs: they must
not wait, and use `self.call_later` for what comes later. Everything an application starts ends with its boot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Protocol, TypeAlias, TypeVar, overload

from emulator.board.sleep import WakeUp
from emulator.clock import Timer
from emulator.device_os.sleeping import SleepConfiguration, SleepMode, SleepNetwork
from emulator.device_os.update_flags import UpdateFlags
from firmware_images.asset_rules import StoredAsset
from particle_protocol.describe import ApplicationDescribe
from particle_protocol.messages import DEFAULT_TTL, Subscription, Value, VariableType
from particle_protocol.softap import SetupPage

MAX_NAME: Final = 64
"""Longest name of a function or a variable, in characters (Device OS 2.3.1, wiring/inc/spark_wiring_cloud.h)."""

Function: TypeAlias = Callable[[str], int]
Getter: TypeAlias = Callable[[], Value]
Handler: TypeAlias = Callable[[str, str], Any]
Method = TypeVar("Method", bound=Callable[..., Any])

_ROLE = "_particle_role"
_TYPES: dict[object, VariableType] = {
    kind: type_
    for names, type_ in (
        ((bool, "bool"), VariableType.BOOL),
        ((int, "int"), VariableType.INT),
        ((float, "float"), VariableType.DOUBLE),
        ((str, "str"), VariableType.STRING),
    )
    for kind in names
}


@dataclass(frozen=True, slots=True)
class _Role:
    """What a decorated method is: the attribute names its kind and arguments."""

    kind: str
    name: str
    own_devices: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class BoundVariable:
    """A variable of one running application."""

    type: VariableType
    get: Getter


@dataclass(frozen=True, slots=True)
class BoundSubscription:
    """A subscription of one running application. `own_devices` leaves out events of other people's devices."""

    prefix: str
    handler: Handler
    own_devices: bool = False

    @property
    def message(self) -> Subscription:
        """What is said to the cloud."""
        return Subscription(self.prefix, own=self.own_devices)


class ApplicationContext(Protocol):
    """What the firmware offers to the application that it runs."""

    @property
    def now(self) -> float:
        """The Lab's time in seconds, for measuring."""

    @property
    def connected(self) -> bool:
        """Whether the board is connected to the cloud."""

    def publish(self, name: str, data: str | bytes | None, *, ttl: int, public: bool, with_ack: bool) -> bool:
        """Publish an event; whether it went out (not when offline, not above four a second)."""

    def publish_vitals(self) -> bool:
        """Send the device's vitals of now; whether they went out (not when offline)."""

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> Timer:
        """Have something called later, unless the board resets before."""

    def panic(self, code: int) -> None:
        """Give up with the number of a panic, as firmware that crashes."""

    def reset(self, request: str) -> None:
        """Reset the board: `reboot`, `safe mode` or `dfu`."""

    def sleep(self, configuration: SleepConfiguration) -> None:
        """Put the board to sleep.

        Raises:
            ValueError: it cannot sleep like this.
        """

    @property
    def update_flags(self) -> UpdateFlags:
        """Whether updates over the air are allowed, forced, pending."""

    def enable_updates(self, *, enabled: bool) -> None:
        """Allow updates over the air, or do not; the cloud is told."""

    def assets(self) -> Sequence[StoredAsset]:
        """The assets that were sent with the application and are there."""

    def read_asset(self, name: str) -> bytes | None:
        """The content of one; None when there is none of that name, or it is damaged."""

    def assets_handled(self) -> None:
        """The application has dealt with what came: it is not called for that again."""

    def write_serial(self, data: bytes) -> int:
        """Send on the USB serial port; how many bytes were taken: none while no program has the port open, or in listening mode."""


@overload
def function(method: Method) -> Method: ...
@overload
def function(method: str) -> Callable[[Method], Method]: ...
def function(method: Any) -> Any:
    """Make a method `(argument: str) -> int` a cloud function, under its own name or the one given."""
    return _mark(method, "function")


@overload
def variable(method: Method) -> Method: ...
@overload
def variable(method: str) -> Callable[[Method], Method]: ...
def variable(method: Any) -> Any:
    """Make a method `() -> bool | int | float | str` a cloud variable, under its own name or the one given.

    Its return annotation is the variable's type.
    """
    return _mark(method, "variable")


def subscribe(prefix: str, *, own_devices: bool = False) -> Callable[[Method], Method]:
    """Have a method `(name: str, data: str)` called for every event whose name begins with `prefix`."""
    return _marker(_Role("subscription", prefix, own_devices))


def every(seconds: float) -> Callable[[Method], Method]:
    """Have a method called again and again, for the first time `seconds` after `setup()`."""
    return _marker(_Role("timer", "", seconds=seconds))


class Application:
    """An application with nothing in it: the base of all others.

    `product` is product id and version as PRODUCT_ID and PRODUCT_VERSION give them; None leaves both to what the binary or the platform
    says.
    """

    product: tuple[int, int] | None = None
    _roles: ClassVar[tuple[tuple[str, _Role], ...]] = ()

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        roles = dict(cls._roles)
        for name, member in vars(cls).items():
            role = getattr(member, _ROLE, None)
            if isinstance(role, _Role):
                roles[name] = role
        cls._roles = tuple(roles.items())

    def __init__(self) -> None:
        self._context: ApplicationContext | None = None
        self.functions: dict[str, Function] = {}
        self.variables: dict[str, BoundVariable] = {}
        self.subscriptions: list[BoundSubscription] = []

    def setup(self) -> None:
        """Called once a boot, before the application is described to the cloud. Register here what the class body cannot."""

    def assets_changed(self) -> None:
        """Called before `setup()` when assets have come, at every boot until `assets_handled()` was called (System.onAssetOta)."""

    def control_request(self, kind: int, data: bytes) -> bytes | None:
        """Called with a control request that Device OS leaves to the application: 10, which is there for it, or a type unknown to it.

        The answer's data, or None for what the application does not know either (Device OS 2.3.1, system/src/system_control_internal.cpp).
        """

    def start(self, context: ApplicationContext, *, new_assets: bool = False) -> None:
        """Run the application: register what its class declares, call `setup()`, start its timers. The firmware calls this once."""
        self._context = context
        timers: list[tuple[float, Callable[[], Any]]] = []
        for attribute, role in self._roles:
            method = getattr(self, attribute)
            if role.kind == "function":
                self.add_function(role.name, method)
            elif role.kind == "variable":
                self.add_variable(role.name, method)
            elif role.kind == "subscription":
                self.add_subscription(role.name, method, own_devices=role.own_devices)
            else:
                timers.append((role.seconds, method))
        if new_assets:
            self.assets_changed()
        self.setup()
        for seconds, method in timers:
            context.call_later(seconds, self._tick, seconds, method)

    def add_function(self, name: str, call: Function) -> None:
        """Register a cloud function.

        Raises:
            ValueError: the name is empty or too long.
        """
        self.functions[_checked(name)] = call

    def add_variable(self, name: str, get: Getter, type_: VariableType | None = None) -> None:
        """Register a cloud variable. Without `type_` it is taken from the getter's annotation, or from its value now.

        Raises:
            ValueError: the name is empty or too long.
        """
        if type_ is None:
            annotation = getattr(get, "__annotations__", {}).get("return")
            type_ = _TYPES.get(annotation) or VariableType.for_value(get())
        self.variables[_checked(name)] = BoundVariable(type_, get)

    def add_subscription(self, prefix: str, handler: Handler, *, own_devices: bool = False) -> None:
        """Register a subscription."""
        self.subscriptions.append(BoundSubscription(prefix, handler, own_devices))

    def describe(self) -> ApplicationDescribe:
        """What the cloud is told of it."""
        return ApplicationDescribe(tuple(self.functions), {name: each.type for name, each in self.variables.items()})

    def call(self, name: str, argument: str) -> int | None:
        """Call a function; None when there is none of that name."""
        called = self.functions.get(name)
        return None if called is None else int(called(argument))

    def deliver(self, name: str, data: str) -> bool:
        """Hand an event to the handlers that want it; whether there was one."""
        wanted = [each for each in self.subscriptions if name.startswith(each.prefix)]
        for each in wanted:
            each.handler(name, data)
        return bool(wanted)

    @property
    def context(self) -> ApplicationContext:
        """What the firmware offers. Only there once the application runs."""
        if self._context is None:
            raise RuntimeError(f"{type(self).__name__} does not run: no board has started it")
        return self._context

    def publish(
        self, name: str, data: str | bytes | None = None, *, ttl: int = DEFAULT_TTL, public: bool = False, with_ack: bool = False
    ) -> bool:
        """Publish an event; whether it went out. At most four a second do."""
        return self.context.publish(name, data, ttl=ttl, public=public, with_ack=with_ack)

    def publish_vitals(self, every: float = 0.0) -> bool:
        """Send the device's vitals to the cloud now, and with `every` again and again after so many seconds; whether they went out now."""
        if every:
            self.call_later(every, self.publish_vitals, every)
        return self.context.publish_vitals()

    def enable_updates(self) -> None:
        """Allow updates over the air again (System.enableUpdates); they are allowed when a boot begins."""
        self.context.enable_updates(enabled=True)

    def disable_updates(self) -> None:
        """Have updates over the air refused, unless the cloud forces them (System.disableUpdates)."""
        self.context.enable_updates(enabled=False)

    @property
    def updates(self) -> UpdateFlags:
        """Whether updates are `enabled`, `forced` by the cloud, and whether one is `pending` there."""
        return self.context.update_flags

    def assets(self) -> Sequence[StoredAsset]:
        """The files that were sent with the application, as far as they are on the board."""
        return self.context.assets()

    def read_asset(self, name: str) -> bytes | None:
        """The content of such a file; None when there is none of that name, or it is damaged."""
        return self.context.read_asset(name)

    def assets_handled(self) -> None:
        """Not to be called for the assets that have come any more."""
        self.context.assets_handled()

    def print(self, text: str = "", end: str = "\r\n") -> bool:
        """Write a line to the USB serial port, as `Serial.println` does; whether all of it went out: only while a program has it open."""
        data = (text + end).encode()
        return self.context.write_serial(data) == len(data)

    def serial_received(self, data: bytes) -> None:
        """Called with what a program sends on the USB serial port, outside of listening mode. Override it to read what comes."""

    def sleep(
        self,
        mode: SleepMode = SleepMode.STOP,
        *,
        seconds: float | None = None,
        network: SleepNetwork = SleepNetwork.OFF,
        button: bool = False,
        wait_cloud: bool = False,
    ) -> None:
        """Put the board to sleep, as `System.sleep` does, once what runs now is done: off USB, with its LED off, and offline.

        It wakes after `seconds`, when MODE goes down (`button`), or by what comes over the network, and then `woken` is called; from
        hibernation it boots instead. RESET ends any sleep. With `wait_cloud` the cloud is told first; otherwise it finds out.

        Raises:
            ValueError: the board cannot sleep like this, or nothing would wake it; tells how it can.
        """
        self.context.sleep(SleepConfiguration(mode, seconds, network, button, wait_cloud))

    def woken(self, by: WakeUp) -> None:
        """Called when the board goes on after its sleep. Override it to go on with something."""

    def setup_page(self, path: str, body: bytes) -> SetupPage | None:
        """Called for what a browser asks of a listening Photon or P1 on port 80 that is no set-up command. Override it to have pages.

        As `softap_set_application_page_handler`: from then on `/index` is the application's, too. None is 404.
        """

    def mode_clicked(self, clicks: int) -> None:
        """Called when MODE was clicked, so many times in a row, outside of listening mode. Override it to do something about it."""

    def panic(self, code: int) -> None:
        """Crash, as firmware does with a panic of this number (1 to 15, as 1 is a hard fault): the LED signals SOS, then the board resets.

        Raises:
            ValueError: there is no such number.
        """
        self.context.panic(code)

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> Timer:
        """Have `callback(*args)` called `delay` seconds from now, unless the board resets before."""
        return self.context.call_later(delay, callback, *args)

    def _tick(self, seconds: float, method: Callable[[], Any]) -> None:
        self.context.call_later(seconds, self._tick, seconds, method)
        method()


def _mark(method: Any, kind: str) -> Any:
    if isinstance(method, str):
        return _marker(_Role(kind, method))
    return _marker(_Role(kind, method.__name__))(method)


def _marker(role: _Role) -> Callable[[Method], Method]:
    def mark(method: Method) -> Method:
        setattr(method, _ROLE, role)
        return method

    return mark


def _checked(name: str) -> str:
    if not 0 < len(name) <= MAX_NAME:
        raise ValueError(f"a name of 1 to {MAX_NAME} characters, not {name!r}")
    return name
