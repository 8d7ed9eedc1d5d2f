"""An answer's head goes out with what follows it, and on its own where nothing does."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from app.http.transport import SLICE, CoalescingTransport

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"


class Sent(asyncio.Transport):
    """A transport that remembers each write, and its end."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.untaken = 0

    def write(self, data: "bytes | bytearray | memoryview") -> None:
        self.writes.append(bytes(data))

    def writelines(self, list_of_data: "Iterable[bytes | bytearray | memoryview]") -> None:
        self.writes.append(b"".join(list_of_data))

    def close(self) -> None:
        self.writes.append(b"end")

    def get_write_buffer_size(self) -> int:
        return self.untaken

    def abort(self) -> None:
        self.writes.append(b"abort")

    def is_closing(self) -> bool:
        return b"end" in self.writes


@pytest.fixture
def sent() -> Sent:
    return Sent()


async def test_head_and_body_in_one_write(sent: Sent) -> None:
    transport = CoalescingTransport(sent, asyncio.get_running_loop())
    for before in range(2):
        transport.write(HEAD)
        assert len(sent.writes) == before
        transport.write(b"ok")
    await asyncio.sleep(0)
    assert sent.writes == [HEAD + b"ok"] * 2


async def test_a_head_alone_goes_out_in_the_loops_next_turn(sent: Sent) -> None:
    transport = CoalescingTransport(sent, asyncio.get_running_loop())
    transport.write(HEAD)
    await asyncio.sleep(0)
    assert sent.writes == [HEAD]
    transport.write(b"later")
    assert sent.writes == [HEAD, b"later"]


async def test_a_head_goes_out_before_the_end(sent: Sent) -> None:
    transport = CoalescingTransport(sent, asyncio.get_running_loop())
    transport.write(HEAD)
    transport.close()
    assert transport.is_closing()
    await asyncio.sleep(0)
    assert sent.writes == [HEAD, b"end"]


@pytest.mark.parametrize("untaken", [0, 5])
async def test_what_is_not_taken_of_a_stream_that_was_ended_is_dropped(
    sent: Sent, untaken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.transport.CLOSED_WITHIN", 0)
    sent.untaken = untaken
    CoalescingTransport(sent, asyncio.get_running_loop()).close()
    await asyncio.sleep(0.01)
    assert sent.writes == [b"end", b"abort"][: 1 + bool(untaken)]


async def test_pieces_keep_their_order_whatever_they_look_like(sent: Sent) -> None:
    transport = CoalescingTransport(sent, asyncio.get_running_loop())
    pieces = [HEAD, b"HTTP/1.1 is what this piece is about", b"HTTP/1.1 and this one", b"", b"end of it"]
    for piece in pieces:
        transport.write(piece)
    await asyncio.sleep(0)
    assert b"".join(sent.writes) == b"".join(pieces)


async def test_a_large_answer_goes_out_in_slices_with_turns_between(sent: Sent) -> None:
    """4.6 MB that were handed on at once held the loop for 10 ms."""
    transport = CoalescingTransport(sent, asyncio.get_running_loop())
    body = bytes(range(256)) * (SLICE // 100)
    transport.write(HEAD)
    transport.write(body)
    transport.write(b"the next one")
    assert [len(each) for each in sent.writes] == [len(HEAD) + SLICE]
    assert transport.get_write_buffer_size() == len(body) - SLICE + len(b"the next one")
    transport.close()
    assert transport.is_closing()
    for turns in range(1, 4):
        await asyncio.sleep(0)
        assert len(sent.writes) == 1 + turns + (turns == 3)
    assert sent.writes.pop() == b"end"
    assert b"".join(sent.writes) == HEAD + body + b"the next one"
    assert max(map(len, sent.writes)) == len(HEAD) + SLICE


@pytest.mark.parametrize("leave", [CoalescingTransport.abort, lambda transport: transport._transport.close()])
async def test_what_is_left_of_a_large_answer_is_dropped_with_its_client(sent: Sent, leave: Any) -> None:
    transport = CoalescingTransport(sent, asyncio.get_running_loop())
    transport.write(bytes(3 * SLICE))
    leave(transport)
    await asyncio.sleep(0.01)
    assert [each for each in sent.writes if len(each) > 5] == [bytes(SLICE)]
    assert transport.get_write_buffer_size() == 0
