"""What can go wrong with an image, as exceptions.

```
ImageError                 anything below; also a ValueError
 +-- NotAModule            the bytes are no module at all; `reason` says what was looked for and what was there
 +-- EditRefused           the change asked for cannot be made to this module
 +-- BuildRefused          no valid module can be made of what was given
 +-- CompressionError      a compressed module whose data cannot be trusted or inflated
 +-- BundleError           a .zip bundle that is not one, or is dangerous to unpack
 +-- HexError              an Intel HEX text that is not one
 +-- EnvError              environment variables that no device takes
```
A broken module is not an exception: it is read as far as it goes, and `firmware_images.checks` names what is wrong with it.
"""

from __future__ import annotations


class ImageError(ValueError):
    """An image could not be read, changed or made."""


class NotAModule(ImageError):
    """The bytes hold no module: not even a broken one.

    Attributes:
        reason: what was looked for and what was there instead.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"not a module: {reason}")
        self.reason = reason


class EditRefused(ImageError):
    """The change cannot be made to this module."""


class BuildRefused(ImageError):
    """No valid module can be made of what was given."""


class CompressionError(ImageError):
    """A compressed module whose data cannot be inflated, or must not be."""


class BundleError(ImageError):
    """A bundle that is not one, or that would be dangerous to unpack."""


class HexError(ImageError):
    """An Intel HEX text that cannot be read."""


class EnvError(ImageError):
    """Environment variables that no device takes, or that cannot be read."""
