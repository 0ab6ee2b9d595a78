"""PromQL made of the worker's table of metrics: what is not in the table can't be asked for.

May know: the table of metrics, PromQL. May not know: dashboards, alerts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from consumer.observe.metric import Metric
from consumer.observe.metric_table import METRICS

TARGET = ("namespace", "pod", "job", "instance")
"""Labels that Prometheus gives to whatever it scrapes. A plain one, outside Kubernetes, has no namespace."""
PROCESS = ("process_resident_memory_bytes", "process_cpu_seconds_total")
"""What prometheus_client tells of the process, as far as it is shown."""
_PARTS = ("_bucket", "_sum", "_count")
_BY_NAME = {metric.exposed_name: metric for metric in METRICS}


class UnknownSeriesError(Exception):
    """A worker exposes no such series, or it has no such label: see consumer/observe/metric_table.py."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose series are asked for. `chosen`: a matcher (`=~"$queue"`) by label, for series that have the label."""

    chosen: Mapping[str, str]

    def __call__(self, name: str, **equal: str) -> str:
        """The selector of a worker's series, `equal` in these labels. Raises UnknownSeriesError."""
        labels = _metric(name).labels
        unknown = equal.keys() - {*labels}
        if unknown:
            raise UnknownSeriesError(f"{name} has no label {', '.join(unknown)}: it has {', '.join(labels) or 'none'}")
        matchers = {label: matcher for label, matcher in self.chosen.items() if label in (*labels, *TARGET)}
        return _selector(name, matchers | {label: f'="{value}"' for label, value in equal.items()})

    def of_process(self, name: str) -> str:
        """The same of a series of the process's, of workers alone. Raises UnknownSeriesError."""
        if name not in PROCESS:
            raise UnknownSeriesError(f"{name} is none of {', '.join(PROCESS)}")
        matchers = {label: matcher for label, matcher in self.chosen.items() if label in TARGET}
        return _selector(name, matchers)

    def quantile(self, quantile: float, name: str, window: str, *by: str) -> str:
        """A quantile of a histogram over the window, by these labels."""
        buckets = rate(self(f"{name}_bucket"), window)
        return f"histogram_quantile({quantile:g}, {total(buckets, 'le', *by)})"

    def grown(self, name: str, window: str, **equal: str) -> str:
        """How much a counter has grown within the window, from the worker's first scrape on.

        `increase` begins with the second one: what a worker counted before its first scrape it never sees. So a counter
        that was not there at the window's begin is taken as it is.
        """
        series = self(name, **equal)
        return f"{series} unless {series} offset {window} or increase({series}[{window}])"


EVERYTHING = Scope({})


def rate(series: str, window: str) -> str:
    """By the second, over the window."""
    return f"rate({series}[{window}])"


def total(vector: str, *by: str) -> str:
    """The sum, by these labels."""
    return _aggregated("sum", vector, by)


def largest(vector: str, *by: str) -> str:
    """The largest, by these labels."""
    return _aggregated("max", vector, by)


def number(vector: str, *by: str) -> str:
    """How many there are, by these labels."""
    return _aggregated("count", vector, by)


def series_names() -> frozenset[str]:
    """The names of all series that a worker's own metrics have."""
    return frozenset(
        f"{metric.exposed_name}{part}"
        for metric in METRICS
        for part in (_PARTS if metric.kind == "histogram" else ("",))
    )


def _metric(name: str) -> Metric:
    if name not in series_names():
        raise UnknownSeriesError(f"consumer/observe/metric_table.py has nothing that is exposed as {name}")
    found = _BY_NAME.get(name)
    return found or _BY_NAME[name.rpartition("_")[0]]


def _selector(name: str, matchers: Mapping[str, str]) -> str:
    inner = ", ".join(f"{label}{matcher}" for label, matcher in matchers.items())
    return f"{name}{{{inner}}}" if inner else name


def _aggregated(how: str, vector: str, by: tuple[str, ...]) -> str:
    return f"{how} by ({', '.join(by)}) ({vector})" if by else f"{how}({vector})"
