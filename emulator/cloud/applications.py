"""Applications that the cloud knows by a name (`tinker`), to be flashed without a file. None are shipped; a lab puts its own in."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.cloud.errors import NotFound
from emulator.cloud.images import ImageFacts, read_image


class ApplicationUnknown(NotFound):
    """There is no application of this name for the platform."""

    thing = "application"


class Applications:
    """Images by name and platform."""

    def __init__(self) -> None:
        self._images: dict[tuple[str, int], bytes] = {}

    def add(self, name: str, image: bytes) -> ImageFacts:
        """Make an application known, or replace it.

        Raises:
            BadImage: not a module.
        """
        facts = read_image(image)
        self._images[name.lower(), facts.platform_id] = image
        return facts

    def contents(self) -> dict[tuple[str, int], bytes]:
        """All there are, to hand to `fill`."""
        return dict(self._images)

    def fill(self, images: Mapping[tuple[str, int], bytes]) -> None:
        """Know these and no others."""
        self._images = dict(images)

    def find(self, name: str, platform_id: int) -> bytes:
        """The image of an application for a platform.

        Raises:
            ApplicationUnknown: as named.
        """
        image = self._images.get((name.lower(), platform_id))
        if image is None:
            raise ApplicationUnknown(name)
        return image
