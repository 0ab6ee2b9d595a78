"""The metrics for Prometheus: read off the worker's picture when somebody asks, and at no other time.

May know: prometheus_client, the table of metrics. May not know: the engine, HTTP.

prometheus_client is imported with this file (some 50 ms), so whoever may never be asked imports it late.
"""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from consumer.core.snapshot import Snapshot
from consumer.core.tally import BOUNDS, Histogram
from consumer.observe.metric import Metric, Sight
from consumer.observe.metric_table import BY_CONVENTION, METRICS

_EDGES = (*(f"{bound:g}" for bound in BOUNDS), "+Inf")


class WorkerCollector(Collector):
    """A worker's metrics, for any registry: `REGISTRY.register(WorkerCollector(worker.snapshot))`.

    Nothing while there is nothing to see. `lag`: how many seconds the loop takes to answer.
    """

    def __init__(self, look: Callable[[], Snapshot | None], lag: Callable[[], float] | None = None) -> None:
        self._look = look
        self._lag = lag

    def collect(self) -> Iterator[Family]:
        """What they are now."""
        seen = self._look()
        if seen is not None:
            sight = Sight(seen, None if self._lag is None else self._lag())
            for metric in (*METRICS, *BY_CONVENTION):
                yield _family(metric, sight)

    def describe(self) -> Iterable[Family]:
        """Nothing: a registry would collect them to know their names."""
        return []


class Exposition:
    """The text that `/metrics` answers with: the worker's metrics, and the process's."""

    def __init__(self, look: Callable[[], Snapshot], lag: Callable[[], float]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(WorkerCollector(look, lag))
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)

    def __call__(self, accept: str) -> tuple[bytes, str]:
        """The text, in the format that the Accept header asks for, and its content type; of nonsense, the default."""
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):  # a version that is no number
            encode, content_type = choose_encoder("")
        return encode(self._registry), content_type


def _family(metric: Metric, sight: Sight) -> Family:
    if metric.kind == "histogram":
        histograms = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        for labels, value in metric.read(sight):
            if isinstance(value, Histogram):
                histograms.add_metric(labels, _buckets(value), value.total)
        return histograms
    plain = (CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily)(
        metric.name, metric.help, labels=metric.labels
    )
    for labels, value in metric.read(sight):
        if not isinstance(value, Histogram):
            plain.add_metric(labels, float(value))
    return plain


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Cumulative, as Prometheus wants them."""
    so_far, cumulative = 0, []
    for edge, count in zip(_EDGES, histogram.buckets, strict=True):
        so_far += count
        cumulative.append((edge, float(so_far)))
    return cumulative
