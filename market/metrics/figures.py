"""A figure and its values, whatever its source, and the text that Prometheus reads (exposition format 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

PREFIX = "nestex_"
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FAMILIES: dict[str, type[CounterMetricFamily] | type[GaugeMetricFamily]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
}


Values = dict[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric: its name without the prefix, which ends in its unit where it has one, and its value for each value of
    its labels. A counter never falls but when its source begins anew."""

    name: str
    kind: Literal["counter", "gauge"]
    says: str
    labels: tuple[str, ...] = ()
    values: Values = field(default_factory=dict)


def single(name: str, says: str, value: float, kind: Literal["counter", "gauge"] = "gauge") -> Figure:
    """A figure without labels."""
    return Figure(name, kind, says, (), {(): value})


def exposition(figures: Iterable[Figure]) -> bytes:
    """The page, with names in the order of the figures."""
    registry = CollectorRegistry()
    registry.register(_Once(list(figures)))
    return generate_latest(registry)


class _Once(Collector):
    def __init__(self, figures: list[Figure]) -> None:
        self._figures = figures

    def describe(self) -> list[Metric]:
        """Nothing is known before it is collected."""
        return []

    def collect(self) -> Iterator[Metric]:
        """A family for each figure."""
        for figure in self._figures:
            family = _FAMILIES[figure.kind](PREFIX + figure.name, figure.says, labels=figure.labels)
            for labels, value in sorted(figure.values.items()):
                family.add_metric(labels, value)
            yield family
