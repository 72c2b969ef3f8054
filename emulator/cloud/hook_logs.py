"""What a webhook's last requests were, and what came of them: for whoever looks for a mistake. Not stored.

Values of secrets never stand here (the documentation's "Cloud secrets": a log says `[[SENSITIVE]]` instead).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emulator.cloud.hook_requests import HookRequest, HookResponse

KEPT = 10
"""Requests kept of each webhook (the REST reference's "Get integration")."""
MAX_BODY = 2_000
"""Characters of a body that are kept."""
HIDDEN = "[[SENSITIVE]]"


@dataclass(frozen=True, slots=True)
class HookRun:
    """One request: when it was sent (POSIX seconds), what it said, and its response's status and body, or the error."""

    event: str
    sent_at: float
    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: str
    status: int | None
    response: str | None
    error: str | None


class HookLogs:
    """The last requests of all webhooks."""

    def __init__(self) -> None:
        self._runs: dict[str, deque[HookRun]] = {}

    def clear(self) -> None:
        """Drop them all."""
        self._runs.clear()

    def note(
        self, event: str, sent_at: float, request: HookRequest, answer: HookResponse | None, error: str | None, secrets: Iterable[str]
    ) -> None:
        """Keep one request and its outcome."""
        hide = _Hider(secrets)
        run = HookRun(
            event=event,
            sent_at=sent_at,
            method=request.method,
            url=hide(request.url),
            headers=tuple((name, hide(value)) for name, value in request.headers),
            body=hide(request.body.decode("utf-8", "replace"))[:MAX_BODY],
            status=None if answer is None else answer.status,
            response=None if answer is None else hide(answer.text)[:MAX_BODY],
            error=error,
        )
        self._runs.setdefault(request.hook_id, deque(maxlen=KEPT)).append(run)

    def of(self, hook_id: str) -> Sequence[HookRun]:
        """The last requests of one webhook, the newest first."""
        return tuple(reversed(self._runs.get(hook_id, ())))

    def forget(self, hook_id: str) -> None:
        """A webhook is gone."""
        self._runs.pop(hook_id, None)


class _Hider:
    """Puts a mark in place of secret values, the longest first: one may be part of another."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted((secret for secret in secrets if secret), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text
