"""Trusted documents: a manifest that clients' builds write, read and checked before anything is served.

::

    {"<id>": "<text>", …}                                                Relay, graphql-codegen
    {"format": "apollo-persisted-query-manifest", "version": 1,
     "operations": [{"id": "<id>", "name": …, "type": …, "body": "<text>"}, …]}   Apollo
"""

import asyncio
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import structlog
from graphql import GraphQLError, OperationDefinitionNode

from core.errors import BadInput
from execution import Document, DocumentLimitExceeded, Documents

log = structlog.get_logger()

SETTING = "ERPGRAPH_TRUSTED_DOCUMENTS"
APOLLO = "apollo-persisted-query-manifest"
SHA256 = "sha256:"
"""What comes before a hash, as GraphQL over HTTP has it."""


class _Entry(NamedTuple):
    id: str
    text: str
    name: str
    """What an error calls it, where the manifest says."""


class Trusted:
    """The documents of the manifest, by their ids and by the SHA-256 of their texts."""

    def __init__(self, documents: Documents, place: str) -> None:
        """``place`` is a file, or a folder of files ``*.json``; empty: there are none. Raises ``BadInput``."""
        self._documents = documents
        self._place = place
        self._texts: dict[str, str] = {}
        self._turn = asyncio.Lock()
        self._reloading: asyncio.Task[None] | None = None
        self.load()

    def __len__(self) -> int:
        """How many documents there are."""
        return len(self._documents.known)

    def get(self, id_: str) -> str | None:
        """The text of a document; ``id_`` is the manifest's, or the text's SHA-256, after ``sha256:`` or bare."""
        return self._texts.get(id_.removeprefix(SHA256))

    def load(self) -> None:
        """Read the manifest, and from now on have what it says. Raises ``BadInput``, and all stays as it was."""
        texts: dict[str, str] = {}
        known: dict[str, Document] = {}
        for path in _files(self._place):
            for entry in _entries(path):
                if entry.text not in known:
                    known[entry.text] = self._checked(path, entry)
                for id_ in (entry.id.removeprefix(SHA256), digest(entry.text)):
                    if texts.setdefault(id_, entry.text) != entry.text:
                        raise _wrong(path, f"{_called(entry)} has an id that another document has")
        self._texts, self._documents.known = texts, known

    def reload(self) -> None:
        """Read the manifest again, beside the requests, and tell the log what came of it."""
        self._reloading = asyncio.create_task(self._reload())

    async def _reload(self) -> None:
        async with self._turn:
            try:
                await asyncio.to_thread(self.load)
            except BadInput as error:
                log.warning("trusted documents not read again", reason=error.message)
            else:
                log.info("trusted documents read again", count=len(self))

    def _checked(self, path: Path, entry: _Entry) -> Document:
        """The document, parsed, within the limits, and valid."""
        try:
            document = self._documents.examined(entry.text)
        except (GraphQLError, DocumentLimitExceeded) as error:
            raise _wrong(path, f"{_called(entry)}: {getattr(error, 'message', error)}") from None
        if document.errors:
            names = (each.name for each in document.node.definitions if isinstance(each, OperationDefinitionNode))
            name = entry.name or next((name.value for name in names if name), "")
            raise _wrong(path, f"{_called(entry._replace(name=name))}: {document.errors[0].message}")
        return document


def digest(text: str) -> str:
    """The SHA-256 of a document's text, as hexadecimal digits."""
    return sha256(text.encode()).hexdigest()


def _files(place: str) -> list[Path]:
    path = Path(place)
    if not place or not path.is_dir():
        return [path] if place else []
    found = sorted(path.glob("*.json"))
    if not found:
        raise BadInput(f"{SETTING} is not usable: there is no file *.json in {place}.")
    return found


def _entries(path: Path) -> Iterator[_Entry]:
    """What stands in a file. Raises ``BadInput`` for one that is no manifest."""
    try:
        manifest = orjson.loads(path.read_bytes())
    except OSError as error:
        raise _wrong(path, error.strerror or type(error).__name__) from None
    except orjson.JSONDecodeError as error:
        raise _wrong(path, f"it is not JSON: {error.msg}, line {error.lineno} column {error.colno}") from None
    for number, (id_, text, name) in enumerate(_listed(path, manifest), 1):
        if not isinstance(id_, str) or not id_ or not isinstance(text, str):
            raise _wrong(path, f"entry {number} has no id or no text")
        if id_.startswith(SHA256) and id_.removeprefix(SHA256) != digest(text):
            raise _wrong(path, f"{id_} is not the SHA-256 of its text")
        yield _Entry(id_, text, name if isinstance(name, str) else "")


def _listed(path: Path, manifest: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Ids, texts and names, as far as there are any."""
    if not isinstance(manifest, dict):
        raise _wrong(path, "it is no object of ids and texts")
    if "format" not in manifest:
        yield from ((id_, text, "") for id_, text in manifest.items())
        return
    operations = manifest.get("operations")
    if (manifest["format"], manifest.get("version")) != (APOLLO, 1) or not isinstance(operations, list):
        raise _wrong(path, f"its format is not {APOLLO}, version 1")
    for each in operations:
        given = each if isinstance(each, dict) else {}
        yield given.get("id"), given.get("body"), given.get("name")


def _called(entry: _Entry) -> str:
    return f"operation {entry.name} ({entry.id})" if entry.name else f"document {entry.id}"


def _wrong(path: Path, what: str) -> BadInput:
    return BadInput(f"{SETTING} is not usable: {path}: {what.removesuffix('.')}.")
