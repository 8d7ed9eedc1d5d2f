"""The relay's figures, as Prometheus reads them of a worker."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from app.relay.outlet import Outlet

Kinds = Mapping[str, tuple[str, Callable[[Outlet], float]]]


class Figures(Collector):
    """Of one process's outlets."""

    def __init__(self, outlets: Sequence[Outlet]) -> None:
        self._outlets = outlets

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """All of them as they are now."""
        gauges: Kinds = {
            "connected": ("Whether this worker has a connection to the broker", lambda each: float(each.connected)),
            "lag_seconds": (
                "How old the oldest commit is that wasn't sent to the broker",
                lambda each: max(dict(each.late).values(), default=0.0),
            ),
            "refused_tenants": ("Tenants whose next message the broker refuses", lambda each: each.refusing),
        }
        counters: Kinds = {
            "messages": ("Messages that the broker keeps", lambda each: each.sent),
            "repeats": ("Messages that the broker said it had already", lambda each: each.repeated),
            "gaps": ("Times that a tenant's place was no longer in its log", lambda each: each.resyncs),
        }
        for name, (text, value) in gauges.items():
            gauge = GaugeMetricFamily(f"erpgraph_relay_{name}", text, labels=["sink"])
            for each in self._outlets:
                gauge.add_metric([each.sink.name], value(each))
            yield gauge
        for name, (text, value) in counters.items():
            counter = CounterMetricFamily(f"erpgraph_relay_{name}", text, labels=["sink"])
            for each in self._outlets:
                counter.add_metric([each.sink.name], value(each))
            yield counter
