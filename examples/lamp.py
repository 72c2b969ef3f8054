"""The firmware of the lamp that these tests are about, as emulated boards run it."""

from particle_hil import Application, every, function, variable


class Lamp(Application):
    """A lamp that can be dimmed from afar, and says once a minute how bright it is."""

    level = 0

    @function
    def dim(self, argument: str) -> int:
        self.level = int(argument)
        self.print(f"level {self.level}")
        return self.level

    @variable
    def brightness(self) -> int:
        return self.level

    @every(60)
    def tick(self) -> None:
        self.publish("lamp/level", str(self.level))
