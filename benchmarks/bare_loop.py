"""The floor of CPython: a loop that sends a request where an answer came in, and reads, checks and records nothing of it.

    python benchmarks/bare_loop.py HOST PORT CONNECTIONS SECONDS

Prints how many answers came in: an answer is taken for whole once something of it has arrived, which holds for small ones.
"""

import select
import socket
import sys
import time

LOOKS_AT_CLOCK_EVERY = 64
"""Rounds between two looks at the clock, so that they are no part of what is measured."""


def answers(host: str, port: int, connections: int, seconds: float) -> int:
    """How many answers one thread gets over so many connections within a time, as fast as they come."""
    request = f"GET /list HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer benchmark-token\r\n\r\n".encode()
    sockets = [socket.create_connection((host, port)) for _ in range(connections)]
    watched, count = select.epoll(), 0
    ways = {one.fileno(): (one.recv, one.send) for one in sockets}
    for one in sockets:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        watched.register(one, select.EPOLLIN)
        one.send(request)
    poll, ends = watched.poll, time.monotonic() + seconds
    while time.monotonic() < ends:
        for _ in range(LOOKS_AT_CLOCK_EVERY):
            for number, _events in poll():
                receive, send = ways[number]
                if not receive(65536):
                    raise SystemExit(f"the target ended a connection after {count} answers")
                send(request)
                count += 1
    return count


if __name__ == "__main__":
    print(answers(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])), "answers")
