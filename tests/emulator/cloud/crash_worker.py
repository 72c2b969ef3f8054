"""Changes a cloud's state file until it is killed; after each change that succeeded it says so on standard output.

Run by test_crash.py: `python crash_worker.py STATE SEED`.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from emulator.cloud import Cloud, CloudSettings, Storage
from emulator.cloud.records import Plan
from emulator.drivers.inline import InlineDriver

BATCH = 7


def open_cloud(path: str | Path, seed: int) -> Cloud:
    driver = InlineDriver()
    return Cloud(driver.clock, random.Random(seed), driver.reply, Storage(path), CloudSettings(device_limit=None))


def main(path: str, seed: int) -> None:
    cloud = open_cloud(path, seed)
    if cloud.accounts.find("o@example.com") is None:
        cloud.accounts.create("o@example.com", "secret")
    token = cloud.tokens.password_grant("particle", "particle", "o@example.com", "secret")
    who = cloud.tokens.principal(token.token)
    product = cloud.products.create(who, f"product {seed}", 6, plan=Plan.GROWTH)
    print(f"product {product.id}", flush=True)
    rng = random.Random(seed)
    number = 0
    while True:
        ids = [f"{(seed << 40) + number + place:024x}" for place in range(BATCH)]
        number += BATCH
        for device_id in ids:
            cloud.factory.manufacture(device_id, 6)
        cloud.members.add(who, product.id, ids, claim_user="o@example.com")
        print("added " + " ".join(ids), flush=True)
        chosen = rng.choice(ids)
        cloud.claims.unclaim(who, chosen)
        print(f"unclaimed {chosen}", flush=True)
        gone = rng.choice(ids)
        cloud.members.remove(who, product.id, gone)
        print(f"removed {gone}", flush=True)
        for _ in range(rng.randrange(5)):
            cloud.events.publish(who, "temp", "20")
        if rng.random() < 0.3:
            print(f"used {cloud.agreements.of(who).operations}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
