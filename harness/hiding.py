"""Which failures show no line of the harness."""

from __future__ import annotations

import sys
from typing import Any


def hides(info: Any) -> bool:
    """What `__tracebackhide__` is in the modules of the harness.

    An error of the tree tells what happened, so pytest shows the test's own lines and none of the harness (all with --full-trace).
    """
    # A command that has no use for the tree does not wait for it; and what was never imported was never raised.
    errors = sys.modules.get("harness.errors")
    return errors is not None and isinstance(info.value, errors.HarnessError)


__tracebackhide__ = hides
