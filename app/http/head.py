"""What a request's head may hold, looked at while it is read: the work of reading one is bounded before it is done.

60,000 headers of one letter took 210 ms of the loop, and 65,000 commas in an Accept header 130, both before anybody
had asked whose they were.
"""

from app.errors.http_errors import HttpError

MAX_HEADERS = 65_536
"""Bytes of all headers, each counted with what it takes besides its name and value."""

LINE = 32
"""Bytes that a header counts besides, as HTTP/2 counts them (RFC 9113, section 6.5.2): an empty one costs, too."""

MAX_LINES = 100
"""Headers of a request; browsers behind two proxies send thirty."""

MAX_READ = 1_000
"""Bytes of a header that the server reads, all of its lines together: what looks for parts in it stays below 1 ms."""

MAX_URL = 16_384
"""Bytes. A query string may have half of it (``app.http.request``), which is told in better words."""

LISTS = frozenset(
    {
        *(b"accept", b"accept-encoding", b"if-none-match", b"access-control-request-headers"),
        *(b"connection", b"upgrade", b"x-forwarded-for", b"sec-websocket-protocol"),
    }
)
"""Headers that are read and may stand in several lines, which count as one (RFC 9110, section 5.3)."""

SINGLES = frozenset(
    {
        *(b"host", b"authorization", b"content-type", b"content-length", b"content-encoding", b"transfer-encoding"),
        *(b"expect", b"origin", b"access-control-request-method", b"access-control-request-private-network"),
        *(b"sec-fetch-site", b"x-forwarded-proto", b"x-explain", b"x-cost-only", b"x-read-after", b"traceparent"),
        *(b"last-event-id", b"sec-websocket-key", b"sec-websocket-version"),
    }
)
"""Headers that are read and say one thing. Of two, a proxy in front may have believed the other one."""

_LONGEST = dict.fromkeys(LISTS | SINGLES, MAX_READ) | {b"authorization": 20_000}
"""Tokens are long, and looked at as a whole."""


class Head:
    """The headers of one request, counted as they come."""

    def __init__(self) -> None:
        self._size = 0
        self._lines = 0
        self._lengths: dict[bytes, int] = {}

    def add(self, name: bytes, value: bytes) -> None:
        """Count a header; its name is in lower case. Raises ``HttpError`` for what is too much, and for what can be
        read in two ways."""
        self._lines += 1
        self._size += len(name) + len(value) + LINE
        if self._lines > MAX_LINES or self._size > MAX_HEADERS:
            raise HttpError(431, f"A request may have {MAX_LINES} headers, of {MAX_HEADERS:,} bytes together.")
        longest = _LONGEST.get(name)
        if longest is not None:
            self._check_read(name, value, longest)

    def _check_read(self, name: bytes, value: bytes, longest: int) -> None:
        before = self._lengths.get(name)
        if before is not None and name in SINGLES:
            raise HttpError(400, f"The header {name.decode()} was sent twice: which one counts would be a guess.")
        length = self._lengths[name] = (before or 0) + len(value)
        if length > longest:
            raise HttpError(431, f"The header {name.decode()} may have {longest:,} bytes.")
        if name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            raise HttpError(501, "A request's body may be sent in chunks, and in no other coding.")


def origin_form(url: bytes) -> tuple[bytes, bytes | None]:
    """A request's target as path and query, and the authority where it names one: that goes before the header Host
    (RFC 9112, section 3.2.2). Raises ``HttpError`` for other forms."""
    if url.startswith(b"/") or url == b"*":
        return url, None
    scheme, found, rest = url.partition(b"://")
    ends = [place for mark in b"/?#" if (place := rest.find(mark)) >= 0]
    end = min(ends, default=len(rest))
    authority, path = rest[:end], rest[end:]
    if not found or scheme.lower() not in {b"http", b"https"} or not authority or b"@" in authority:
        raise HttpError(400, "A request's target is a path, or an address that begins with http:// or https://.")
    return path if path.startswith(b"/") else b"/" + path, authority


def without_offer(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of a request that offers another protocol, without the offer, which a server may pass over
    (RFC 9110, section 7.8)."""
    kept = []
    for name, value in headers:
        if name == b"connection":
            options = [each for each in value.split(b",") if each.strip().lower() != b"upgrade"]
            if options:
                kept.append((name, b",".join(options)))
        elif name != b"upgrade":
            kept.append((name, value))
    return kept
