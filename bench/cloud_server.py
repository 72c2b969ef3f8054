"""A cloud served on its own core, for the benchmarks: `cloud_server.py STATE MEMBERS ONLINE`.

Prints one JSON line: the URL, an owner's token, a product, and the ids of its members (offline) and of connected developer devices. Each
line on its standard input is a number of events to publish as fast as they go, as a device would.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from types import SimpleNamespace

from emulator.cloud import Cloud, CloudSettings, HelloFacts, Storage
from emulator.cloud.api import Api
from emulator.cloud.api.asgi import CloudApp
from emulator.doors.http import HttpDoor
from emulator.drivers.served import ServedDriver


def session(driver, device_id):
    def settled(value=None):
        reply = driver.reply()
        reply.resolve(value)
        return reply

    return SimpleNamespace(
        device_id=device_id,
        hello=HelloFacts(6, 0xFFFF, 6),
        peer="127.0.0.1:1",
        closed=False,
        call=lambda name, argument: settled(0),
        publish=lambda *args, **kwargs: False,
        close=lambda reason: None,
    )


def main(state, members, online):
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {0})
    driver = ServedDriver()
    rng = random.Random(1)
    settings = CloudSettings(device_limit=None)
    cloud = driver.call(lambda: Cloud(driver.clock, rng, driver.reply, Storage(state), settings))

    def prepare():
        cloud.accounts.create("u@example.com", "x")
        token = cloud.tokens.password_grant("particle", "particle", "u@example.com", "x").token
        who = cloud.tokens.principal(token)
        product = cloud.products.create(who, "lamps", 6)
        with cloud.core.change():
            ids = [cloud.factory.manufacture(f"{number:024x}", 6).id for number in range(members)]
            cloud.members.add(who, product.id, ids)
            fresh = [cloud.factory.manufacture(f"{number:024x}", 6).id for number in range(10**9, 10**9 + 20_000)]
            boards = [cloud.factory.manufacture(f"{number:024x}", 6).id for number in range(2 * 10**9, 2 * 10**9 + online)]
        for board in boards:
            cloud.arrivals.session_opened(session(driver, board))
        return {"token": token, "product": product.id, "members": ids, "fresh": fresh, "online": boards}

    facts = driver.call(prepare)
    app = CloudApp(Api(cloud).answer, driver)
    door = HttpDoor(driver, app, before_close=app.end_streams)
    door.open()
    print(json.dumps({"url": door.url, **facts}), flush=True)
    who = cloud.tokens.principal(facts["token"])

    def burst(count):
        for _ in range(count):
            cloud.events.publish(who, "temperature", "21.5")

    for line in sys.stdin:
        left = int(line)
        while left > 0:
            driver.call(burst, min(20, left))
            left -= 20
            time.sleep(0)
        print("published", flush=True)
    door.close()
    driver.call(cloud.close)
    driver.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
