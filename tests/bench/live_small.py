"""A client of something else, beside ``bench_live``'s crowd: ``python -m tests.bench.live_small PORT KEY``.

In a process of its own, so that the crowd's own work isn't taken for the server's. For each line on its standard input, a number of
seconds, it sends small queries one after the other for so long, and prints how many milliseconds each took; fewer than none, where
it was refused.
"""

import socket
import sys
from time import perf_counter

import orjson

QUERY = orjson.dumps({"query": "{ viewer { principal } }"})


def main(port: str, key: str) -> None:
    head = f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(QUERY)}\r\n\r\n".encode() + QUERY
    with socket.create_connection(("127.0.0.1", int(port))) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _ask(connection, request)
        print(flush=True)
        for line in sys.stdin:
            until, took = perf_counter() + float(line), []
            while (began := perf_counter()) < until:
                answered = _ask(connection, request)
                took.append((1000 if answered else -1000) * (perf_counter() - began))
            print(orjson.dumps(took).decode(), flush=True)


def _ask(connection: socket.socket, request: bytes) -> bool:
    """Whether it has its answer, and no refusal."""
    connection.sendall(request)
    answer = b""
    while not answer.endswith(b"}"):
        if not (came := connection.recv(65536)):
            raise RuntimeError("the server has gone")
        answer += came
    return b'"principal":"bench"' in answer


if __name__ == "__main__":
    main(*sys.argv[1:])
