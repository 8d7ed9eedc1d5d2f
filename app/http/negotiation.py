"""Which form of an answer a client takes: its media type, and whether it may be compressed."""

from functools import lru_cache

from app.http.head import MAX_READ

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"


def weights(header: str) -> dict[str, float]:
    """The entries of a header such as Accept, in lower case, each with its weight (RFC 9110, section 12.4.2).

    What is no weight lets nothing in, nor does a header of more than ``MAX_READ`` characters, which the server's
    protocol refuses before it comes here.
    """
    found: dict[str, float] = {}
    if len(header) > MAX_READ:
        return found
    for part in header.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        if name:
            found[name] = next((_weight(piece[2:]) for piece in parameters if piece.startswith("q=")), 1.0)
    return found


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0


@lru_cache(maxsize=500)  # of MAX_READ characters each
def media_type(accept: str) -> str | None:
    """The media type to answer with, by the Accept header's preferences; None where neither will do."""
    given = weights(accept or "*/*")

    def preference(media: str) -> float:
        # The narrowest range is the one that counts: what has q=0 isn't let in again by a wider one.
        return next((given[range_] for range_ in (media, "application/*", "*/*") if range_ in given), 0.0)

    named = [media for media in given if media in (JSON, GRAPHQL_JSON)]
    best = max((*named, JSON, GRAPHQL_JSON), key=preference)
    return best if preference(best) > 0 else None


@lru_cache(maxsize=50)
def preferred(accept: str, offered: tuple[str, ...]) -> str:
    """That of the offered media types that the Accept header wants most; the first where it wants none of them or several
    as much.
    """
    given = weights(accept or "*/*")

    def weight(media: str) -> float:
        ranges = (media, f"{media.partition('/')[0]}/*", "*/*")
        return next((given[each] for each in ranges if each in given), 0.0)

    return max(offered, key=weight)


def takes_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header lets gzip in; none at all doesn't ask for it."""
    given = weights(accept_encoding)
    weight = next((given[name] for name in ("gzip", "x-gzip", "*") if name in given), 0.0)
    # Who prefers the plain bytes gets them.
    return weight > 0 and weight >= given.get("identity", 0.0)
