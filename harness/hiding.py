"""Which failures show no line of the harness."""

from __future__ import annotations

from typing import Any


def hides(info: Any) -> bool:
    """What `__tracebackhide__` is in the modules of the harness.

    An error of the tree (`HarnessError`) tells what happened, so pytest shows the test's own lines and none of the harness (all with
    --full-trace). The class says so of itself: commands that raise none need not wait for the tree.
    """
    return getattr(info.value, "tells_what_happened", False) is True


__tracebackhide__ = hides
