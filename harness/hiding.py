"""Which failures show no line of the harness."""

from __future__ import annotations

from typing import Any


def hides(info: Any) -> bool:
    """What `__tracebackhide__` is in the modules of the harness.

    An error of the tree tells what happened, so pytest shows the test's own lines and none of the harness (all with --full-trace).
    """
    from harness.errors import HarnessError  # a command that has no use for the tree need not wait for it

    return isinstance(info.value, HarnessError)


__tracebackhide__ = hides
