"""What bounds every HTTP server here: the same uvicorn and httptools on the same kind of loop, giving one fixed answer without a look at
the request. `null_server.py` prints its URL as a JSON line, and ends with its standard input.
"""

from __future__ import annotations

import json
import os
import sys

from emulator.doors.http import HttpDoor
from emulator.drivers.served import ServedDriver

BODY = b"x" * 700
"""As long as a device object."""
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]


async def answer(_scope, _receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


def main():
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {0})
    driver = ServedDriver()
    door = HttpDoor(driver, answer)
    door.open()
    print(json.dumps({"url": door.url, "token": ""}), flush=True)
    sys.stdin.read()
    door.close()
    driver.close()


if __name__ == "__main__":
    main()
