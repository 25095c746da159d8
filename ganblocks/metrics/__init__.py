"""Metrics of generated images, with standard errors and counts."""

from ganblocks.metrics.base import METRICS, Estimate, ImageMetric, Metric
from ganblocks.metrics.checkerboard import Checkerboard
from ganblocks.metrics.distances import KID, FrechetDistance
from ganblocks.metrics.features import FEATURES, lite0_features
from ganblocks.metrics.images import L1, MSSSIM, PSNR, SSIM
from ganblocks.metrics.labels import ClassAccuracy, MeanIoU, PixelAccuracy
from ganblocks.metrics.segmenter import train_segmenter

__all__ = [
    "FEATURES",
    "KID",
    "L1",
    "METRICS",
    "MSSSIM",
    "PSNR",
    "SSIM",
    "Checkerboard",
    "ClassAccuracy",
    "Estimate",
    "FrechetDistance",
    "ImageMetric",
    "MeanIoU",
    "Metric",
    "PixelAccuracy",
    "lite0_features",
    "train_segmenter",
]
