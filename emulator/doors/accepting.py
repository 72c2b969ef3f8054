"""How sockets that listen take connections when the process can open no more files.

asyncio tries to accept as many connections as the backlog is long. Where each fails for want of a descriptor, each is an error of its own,
and each asks for another try a second later: a log of megabytes a second. So it is told of a backlog of one, and the kernel of the real
one afterwards; then there is one error a second until something is closed, and `ServedDriver` logs those at a bounded rate.
"""

from __future__ import annotations

ONE_AT_A_TIME = 1
"""The backlog that asyncio is told of."""
BACKLOG = 1024
"""Connections that the kernel keeps until they are accepted."""
PAUSE = 1.0
"""Seconds until an own listener tries again, as asyncio's do (asyncio/constants.py, ACCEPT_RETRY_DELAY)."""
