"""The REST API of the emulated cloud.

`Api(cloud).answer(request)` is all of it; the table it goes by is `emulator.cloud.api.routes`. In process, `InlineTransport` makes it a
transport of httpx; for other programs `emulator.doors.http.HttpDoor` serves it.
"""

from emulator.cloud.api.app import Api
from emulator.cloud.api.inline import InlineTransport

__all__ = ["Api", "InlineTransport"]
