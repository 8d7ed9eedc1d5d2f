"""What the relay needs no broker for: messages, settings, figures."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

from app import settings
from app.relay.figures import Figures
from app.relay.messages import MOST_DATA, message, resync
from app.relay.outlet import Outlet
from app.relay.sinks import kinds, made
from app.settings import load
from core.errors import BadInput

TENANT, COMMIT = UUID(int=1), UUID(int=2)
EVENT: dict[str, Any] = {
    "id": f"evt_{3:032x}",
    "type": "order.confirmed",
    "occurredAt": "2026-11-27T08:00:00Z",
    "principal": "Zoë",
    "version": 2,
    "subjectId": f"ord_{4:032x}",
    "before": {"status": "DRAFT"},
    "after": {"status": "CONFIRMED"},
}


def test_a_message_has_the_events_facts_beside_its_data() -> None:
    sent = message(TENANT, EVENT, 12, 3)
    assert orjson.loads(sent.data) == EVENT
    assert sent.topic == f"erp.ten_{1:032x}.order.ord_{4:032x}"
    assert sent.attributes["sequence"] == "0000000000000000012.000003"
    assert sent.attributes["sequence"] < message(TENANT, EVENT, 101, 1).attributes["sequence"]
    assert all(value.isascii() for value in sent.attributes.values()), "brokers' headers hold no others everywhere"


def test_an_event_that_brokers_would_refuse_goes_without_its_values() -> None:
    large = EVENT | {"after": {"note": "x" * MOST_DATA}}
    sent = message(TENANT, large, 1, 1)
    assert sent.attributes["truncated"] == "true"
    assert orjson.loads(sent.data) == EVENT | {"before": None, "after": None}
    assert "truncated" not in message(TENANT, EVENT, 1, 1).attributes


def test_the_word_that_messages_begin_is_the_same_each_time() -> None:
    at = datetime(2026, 11, 27, tzinfo=UTC)
    first, again = (resync(TENANT, "nats", COMMIT, at, 5) for _ in range(2))
    assert first == again
    assert first.id != resync(TENANT, "nats", UUID(int=3), at, 5).id
    assert first.topic == f"erp.ten_{1:032x}.feed.ten_{1:032x}"


@pytest.mark.parametrize("url", ["http://me:secret@broker.example", "broker.example:4222", "nats+x://me:secret@b"])
def test_a_url_that_is_no_brokers_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(BadInput) as caught:
        load(relay=url)
    assert caught.value.message.startswith(
        "ERPGRAPH_RELAY is not usable: each is a broker's URL, which starts with nats"
    )
    assert "secret" not in caught.value.message


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "find_spec", lambda _: None)
    with pytest.raises(BadInput) as caught:
        load(relay="nats://broker.example")
    assert "it needs the packages of the extra erpgraph[relay]" in caught.value.message


def test_urls_of_one_kind_are_one_clusters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    urls = tmp_path / "relay"
    urls.write_text("nats://a.example:4222, tls://b.example:4222\n")
    monkeypatch.setenv("ERPGRAPH_RELAY_FILE", str(urls))
    chosen = load()
    assert kinds(chosen.relay) == {"nats": ["nats://a.example:4222", "tls://b.example:4222"]}
    assert [each.name for each in made(chosen.relay)] == ["nats"]


def test_each_figure_is_told_and_no_other() -> None:
    [sink] = made(["nats://a.example"])
    outlet = Outlet(sink, None, None)  # type: ignore[arg-type]  # it only counts
    outlet.sent, outlet.late = 3, {"main": 1.5, "other": 0.5}
    families = {each.name: each for each in Figures([outlet]).collect()}
    page = (Path(__file__).parents[2] / "docs" / "relay.md").read_text()
    figures = re.findall(r"^\| `erpgraph_(relay_\w+)` ", page, re.MULTILINE)
    assert figures == [
        f"{name.removeprefix('erpgraph_')}{'_total' * (each.type == 'counter')}" for name, each in families.items()
    ]
    values = {name: each.samples[0].value for name, each in families.items()}
    assert values["erpgraph_relay_messages"] == 3
    assert values["erpgraph_relay_lag_seconds"] == 1.5
    assert families["erpgraph_relay_connected"].samples[0].labels == {"sink": "nats"}
