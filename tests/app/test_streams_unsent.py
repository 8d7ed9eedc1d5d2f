"""What waits for a client that reads nothing: as good as nothing of it in the kernel, where nobody gives it up (docs/security.md, case 34)."""

import fcntl
import os
import socket
import stat
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest.mock import Mock

import pytest

from app.http.protocol import UNTAKEN
from app.http.silence import breathing
from app.http.untaken import UNSENT
from tests.bench.live_clients import MUCH, Heard, SocketSubscriber, Subscriber, begun, left
from tests.support.demo_site import Site
from tests.support.http import eventually
from tests.support.streams import Served, streaming

SIOCOUTQNSD = 0x894B
"""Linux: how many bytes of a socket aren't sent."""

LONG = "a name that makes it long " * 7


@pytest.fixture
async def served(site: Site) -> AsyncIterator[Served]:
    async with streaming(site.database, site.key, budget=10**9) as found:
        yield found


@contextmanager
def other_end(mine: socket.socket) -> Iterator[socket.socket]:
    """The server's end of a connection, which is in this process."""
    with socket.socket(fileno=os.dup(_number(mine.getsockname()))) as found:
        yield found


def _number(peer: tuple[str, int]) -> int:
    """The descriptor that is connected with this address."""
    for each in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # closed by now, or a socket that isn't connected
            # Only of sockets: a duplicate of anything else stayed open, and a browser's driver waited for its end for ever.
            if stat.S_ISSOCK(each.stat().st_mode):
                with socket.socket(fileno=os.dup(int(each.name))) as found:
                    if found.getpeername() == peer:
                        return int(each.name)
    raise AssertionError("nobody is there")


@pytest.mark.parametrize("kind", [Subscriber, SocketSubscriber])
async def test_34_the_kernel_takes_little_of_a_stream(served: Served, site: Site, kind: type[Subscriber]) -> None:
    [one] = await begun([kind(site.key, Heard(), query=MUCH)], served.client.base_url.port or 0)
    one.transport.pause_reading()
    mine: socket.socket = one.transport.get_extra_info("socket")
    mine.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)  # its own machine takes little as well
    with other_end(mine) as server:
        made = 0
        while not UNTAKEN._behind:
            assert made < 300  # 5 kB each
            await served.make(f"UNSENT-{made}", f"{made} {LONG}")
            made += 1
        [unsent] = struct.unpack("i", fcntl.ioctl(server, SIOCOUTQNSD, b"0000"))
        assert UNSENT / 2 < unsent < UNSENT * 1.5
    await left([one])
    await eventually(lambda: served.hub.following == 0)


async def test_34_an_ordinary_answer_is_as_it_was(served: Served, site: Site) -> None:
    with socket.create_connection(("127.0.0.1", served.client.base_url.port or 0)) as mine:
        await served.make("UNSENT-0", "so that it has a turn")
        with other_end(mine) as server:
            assert server.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 0


def test_34_a_client_that_has_gone_before_its_stream_begins_is_no_fault() -> None:
    """It was one, and its stream was never left: it counted among those of its key for as long as the process ran."""
    gone = Mock()
    gone.transport.get_extra_info("socket").setsockopt.side_effect = ValueError("negative file descriptor")
    breathing(lambda: gone, b":")()
