"""A webhook, and its deliveries as things to wait for: as the cloud's own log of it tells them, in a real cloud, too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.cloud import Account
from harness.errors import hides
from harness.waiting import wait_for

__tracebackhide__ = hides

TIMEOUT = 30.0
"""Seconds: a response may take 20 (docs/cloud.md)."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request of a webhook, and what came of it: a status with the response's body, or an error."""

    event: str
    time: str
    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: str
    status: int | None
    response: str | None
    error: str | None

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Delivery:
        """Read the cloud's own form."""
        request, response = raw.get("request") or {}, raw.get("response") or {}
        return cls(
            event=str(raw.get("event", "")),
            time=str(raw.get("time", "")),
            method=str(request.get("method", "")),
            url=str(request.get("url", "")),
            headers=tuple((str(name), str(value)) for name, value in (request.get("headers") or {}).items()),
            body=str(request.get("body", "")),
            status=response.get("statusCode"),
            response=response.get("body"),
            error=raw.get("error"),
        )

    def __str__(self) -> str:
        outcome = f"HTTP {self.status}" if self.status is not None else self.error or "no answer"
        return f"{self.method} {self.url} for the event {self.event}: {outcome}"


class Webhook:
    """A webhook of an account, or (with a product's path) of a product. The cloud keeps the last ten of its deliveries."""

    def __init__(self, account: Account, hook_id: str, event: str, *, path: str = "/v1/integrations") -> None:
        self.account = account
        self.id = hook_id
        self.event = event
        self._path = f"{path}/{hook_id}"
        self._given: Counter[Delivery] = Counter()

    @classmethod
    def create(cls, account: Account, event: str, url: str, *, path: str = "/v1/integrations", **settings: Any) -> Webhook:
        """Make a webhook for events whose names begin with `event`.

        Args:
            account: whose it is, or who makes it for a product.
            event: the beginning of the events' names.
            url: where its requests go. Emulated boards in virtual time have a server of their own there, which answers 200 to all;
                with `--served` only public addresses and those of `--allow-webhook` are reached.
            path: `/v1/products/ID/integrations` for one of a product (`Product.webhook` does it).
            **settings: further settings, as the REST API calls them: `requestType`, `headers`, `json`, `noDefaults`, ...

        Raises:
            CloudRefused: the cloud does not take it.
            ChangesNotAllowed: the cloud is a real one, and changes were not allowed.
        """
        body = {"integration_type": "Webhook", "event": event, "url": url, "requestType": "POST", **settings}
        answer = account.change("POST", path, json=body, what=f"create a webhook for {event!r}")
        return cls(account, str(answer["id"]), event, path=path)

    def deliveries(self) -> list[Delivery]:
        """Its last requests, oldest first."""
        answer = self.account.request("GET", self._path)
        return [Delivery.of(raw) for raw in reversed(answer.get("logs") or ())]

    def wait_for(self, *, timeout: float = TIMEOUT, where: Callable[[Delivery], bool] = lambda delivery: True) -> Delivery:
        """The next delivery that `where` accepts, with what came of it; each is given once.

        Raises:
            NotReached: none within `timeout` seconds; tells those that there were.
        """

        def look() -> Delivery | None:
            given = Counter(self._given)
            for each in self.deliveries():
                if given[each]:
                    given[each] -= 1
                elif where(each):
                    return each
            return None

        found = wait_for(
            self.account.cloud.clock,
            look,
            timeout=timeout,
            awaited=f"a delivery of the webhook for {self.event!r}",
            seen=lambda: "; ".join(map(str, self.deliveries())) or "no deliveries",
        )
        self._given[found] += 1
        return found

    def delete(self) -> None:
        """End it."""
        self.account.change("DELETE", self._path, what=f"delete the webhook for {self.event!r}")
