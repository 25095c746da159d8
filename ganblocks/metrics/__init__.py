"""Metrics of generated images, by name."""

from ganblocks.metrics.base import METRICS, Estimate, ImageMetric, L1Metric, Metric

__all__ = ["METRICS", "Estimate", "ImageMetric", "L1Metric", "Metric"]
