"""Figures for CloudWatch, as log lines that it makes metrics of (embedded metric format).

All of them have one dimension, `service`: the function's folder; some a second one of few values.
Each name, with unit and dimensions, stands in docs/operations.md.
"""

import os
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

NAMESPACE = "POWERTOOLS_METRICS_NAMESPACE"

logger = Logger(child=True)


def publish(
    service: str,
    *,
    counts: Mapping[str, int],
    milliseconds: Mapping[str, float] | None = None,
    sizes: Mapping[str, int] | None = None,
    dimensions: Mapping[str, str] | None = None,
    notes: Mapping[str, Any] | None = None,
) -> None:
    """One line on stdout with figures, and with notes that can be searched for and are no metrics.

    `sizes` are in bytes. Without a namespace in the environment nothing is published. Never
    raises: what is measured matters more than the measure.
    """
    namespace = os.environ.get(NAMESPACE)
    if not namespace:
        return
    try:
        metrics = EphemeralMetrics(namespace=namespace, service=service)
        for name, value in (dimensions or {}).items():
            metrics.add_dimension(name=name, value=value)
        for unit, figures in (
            (MetricUnit.Count, counts),
            (MetricUnit.Milliseconds, milliseconds or {}),
            (MetricUnit.Bytes, sizes or {}),
        ):
            for name, figure in figures.items():
                metrics.add_metric(name=name, unit=unit, value=figure)
        for name, value in (notes or {}).items():
            if value is not None:
                metrics.add_metadata(key=name, value=value)
        metrics.flush_metrics()
    except Exception:
        logger.exception("figures were not published", figures=sorted(counts))
