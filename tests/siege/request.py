"""One HTTP request of a siege, as the bytes that go out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

GRAPHQL = "application/graphql-response+json"


@dataclass(frozen=True)
class Request:
    """A request by somebody with a role; the empty role has no key. ``raw`` stands for all of it, with ``%KEY%``
    where the key goes.
    """

    body: bytes = b""
    role: str = "viewer"
    method: str = "POST"
    path: str = "/graphql"
    headers: tuple[tuple[str, str], ...] = ()
    raw: bytes = b""

    @property
    def by_its_key(self) -> bool:
        """Whether it is sent with the key of its role, and nothing in its place."""
        return bool(self.role) and all(name.lower() != "authorization" for name, _ in self.headers)

    def wire(self, key: str) -> bytes:
        """What is sent, with that key."""
        if self.raw:
            return self.raw.replace(b"%KEY%", key.encode())
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: localhost"]
        given = {name.lower() for name, _ in self.headers}
        if key and "authorization" not in given:
            lines.append(f"Authorization: Bearer {key}")
        if self.body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(self.body)}"]
        if "accept" not in given:
            lines.append(f"Accept: {GRAPHQL}")
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body

    def to_json(self) -> dict[str, Any]:
        """For the corpus: what isn't as usual."""
        told: dict[str, Any] = {"role": self.role}
        for name in ("method", "path"):
            if getattr(self, name) != getattr(Request, name):
                told[name] = getattr(self, name)
        if self.headers:
            told["headers"] = [list(each) for each in self.headers]
        for name in ("body", "raw"):
            if getattr(self, name):
                told[name] = getattr(self, name).decode("latin-1")
        return told

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Request":
        given = dict(told)
        given["headers"] = tuple((name, value) for name, value in given.get("headers", ()))
        for name in ("body", "raw"):
            given[name] = given.get(name, "").encode("latin-1")
        return cls(**given)


def graphql(query: str, variables: Mapping[str, Any] | None = None, role: str = "viewer", **more: Any) -> Request:
    """A POST of a document."""
    body: dict[str, Any] = {"query": query}
    if variables is not None:
        body["variables"] = variables
    return Request(orjson.dumps(body), role, **more)
