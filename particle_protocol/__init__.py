"""What boards, hosts and clouds agree on: platforms, identifiers and every message.

Nothing in here opens a socket, reads a clock or starts a thread. Each protocol is a state machine, or a generator, that is handed bytes
and the time and hands back bytes and events; both of its ends live in the same package.
"""
