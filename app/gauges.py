"""What a process holds right now: connections, documents, requests that wait. For operators, who see it in ``/metrics``."""

from typing import Any

from app.http.endpoint import GraphQLEndpoint
from app.live.hub import Hub
from app.telemetry.metrics import Gauges
from core.fair_store import FairStore
from db.runtime.engine import Database


def gauges(database: Database, endpoint: GraphQLEndpoint, hub: Hub) -> Gauges:
    """All of it, by the names of ``app.telemetry.exposition.GAUGES``."""
    pools = database.pools()
    stores: dict[str, FairStore[Any, Any]] = {
        "validated": endpoint.preparer.documents.kept,
        "persisted": endpoint.resolver.persisted.kept,
    }
    found: dict[str, dict[tuple[str, ...], float]] = {
        "pool_size": {(name,): pool.size for name, pool in pools.items()},
        "pool_open": {(name,): pool.open for name, pool in pools.items()},
        "pool_in_use": {(name,): pool.in_use for name, pool in pools.items()},
        "requests_waiting": {(kind,): count for kind, count in endpoint.limits.waiting().items()},
        "subscriptions": {(): hub.following},
        "sockets": {(): hub.held},
        "documents": {(name,): len(store) for name, store in stores.items()},
        "documents_bytes": {(name,): store.size for name, store in stores.items()},
    }
    if database.standby is not None:
        lag = database.standby.lag()
        found["standby_in_use"] = {(): database.standby.serves(0)}
        if lag is not None:
            found["standby_lag_bytes"], found["standby_lag_seconds"] = {(): lag[0]}, {(): lag[1]}
    return found
