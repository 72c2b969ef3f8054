"""Secrets: values that people put in, that webhooks use, and that nobody sees again.

A webhook uses the secrets whose names its templates say, `{{{AUTH_KEY}}}`: those of the user, or of the organization, that it belongs to
(a webhook of a product belongs where its product belongs). A secret that is in use cannot be deleted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from emulator.cloud.access import Principal
from emulator.cloud.documents import Document, DocumentKind, Documents, Place
from emulator.cloud.errors import Conflict, Invalid
from emulator.cloud.templates import names
from emulator.cloud.webhooks import Webhook

NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,127}")


class SecretInUse(Conflict):
    """A webhook names the secret."""

    def __init__(self, name: str) -> None:
        super().__init__(name, f"secret {name} is in use and cannot be deleted")


class Vault:
    """The secrets of users and organizations."""

    def __init__(self, documents: Documents, hooks: Callable[[], Iterable[Webhook]]) -> None:
        self._documents = documents
        self._hooks = hooks

    def put(self, who: Principal, place: Place, name: str, value: str) -> Document:
        """Make a secret, or give it another value.

        Raises:
            Invalid: the name or the value cannot be.
        """
        if not NAME.fullmatch(name):
            raise Invalid("name", name, "has upper-case letters, digits and underscores, and does not begin with a digit")
        if not value:
            raise Invalid("value", value, "must not be empty")
        return self._documents.put(who.username, DocumentKind.SECRET, place, name, {"value": value})

    def remove(self, place: Place, name: str) -> None:
        """End a secret.

        Raises:
            DocumentUnknown: there is none.
            SecretInUse: a webhook names it.
        """
        self._documents.get(DocumentKind.SECRET, place, name)
        if self.users(place, name):
            raise SecretInUse(name)
        self._documents.remove(DocumentKind.SECRET, place, name)

    def users(self, place: Place, name: str) -> Sequence[Webhook]:
        """The webhooks that use a secret."""
        return [hook for hook in self._hooks() if name in _named(hook.settings) and self._place(hook) == place]

    def open_for(self, hook: Webhook) -> dict[str, str]:
        """The secrets that a webhook uses, by name; each has been accessed now."""
        place = self._place(hook)
        found: dict[str, str] = {}
        for name in dict.fromkeys(_named(hook.settings)):
            document = self._documents.find(DocumentKind.SECRET, place, name)
            if document is not None:
                values: dict[str, Any] = document.values
                found[name] = values["value"]
                self._documents.accessed(document)
        return found

    def _place(self, hook: Webhook) -> Place:
        if hook.organization_id is not None:
            return Place.of_organization(hook.organization_id)
        if hook.product_id is not None:
            return self._documents.home_of_product(hook.product_id)
        assert hook.user_id is not None  # it is of exactly one of the three
        return Place.of_user(hook.user_id)


def _named(settings: Any) -> Iterator[str]:
    """What could be names of secrets in the templates of a webhook, wherever in its settings they are."""
    if isinstance(settings, str):
        yield from (name for name in names(settings) if NAME.fullmatch(name))
    elif isinstance(settings, dict):
        for pair in settings.items():
            yield from _named(pair)
    elif isinstance(settings, list | tuple):
        for part in settings:
            yield from _named(part)
