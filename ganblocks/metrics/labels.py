"""Metrics that compare label maps with a segmentation of the photos generated from them."""

from __future__ import annotations

from abc import abstractmethod
from math import nan, sqrt

import torch
from torch import Tensor

from ganblocks.errors import OptionError
from ganblocks.metrics.base import METRICS, Estimate, ImageMetric, Metric
from ganblocks.metrics.segmenter import Segmenter


class _LabelMetric(Metric):
    better = "higher"
    needs_pairs = True
    needs_source = True

    def __init__(self, segmenter: Segmenter | str | None = None) -> None:
        self.segmenter = Segmenter.load(segmenter) if isinstance(segmenter, str) else segmenter
        super().__init__()

    def _confusion(self, fake: Tensor, source: Tensor) -> Tensor:
        """Returns each image's confusion matrix, pixels of class i predicted as j: (B, K, K)."""
        if self.segmenter is None:
            raise OptionError(
                f"{self.name} has no segmenter: pass segmenter=train_segmenter(pairs), with pairs "
                "that are not scored"
            )
        true, read = self.segmenter.classes(source), self.segmenter(fake).argmax(1)
        count, k = len(fake), len(self.segmenter.palette)
        images = torch.arange(count, device=true.device).view(-1, 1, 1)
        cells = ((images * k + true) * k + read).flatten()
        return torch.bincount(cells, minlength=count * k * k).view(count, k, k)


@METRICS.register("pixel_accuracy")
class PixelAccuracy(_LabelMetric, ImageMetric):
    """Fraction of pixels that a segmenter classifies correctly (Long et al., 2015).

    The FCN score of Isola et al. (2017, section 4.1), with a segmenter trained on your own data:
    values for other segmenters are not comparable. The mean over images.

    Args:
        segmenter: The result of `train_segmenter`, or the path of its file.

    Raises:
        RunError: The file does not exist.

    Examples:
        >>> PixelAccuracy().needs_source
        True
    """

    name = "pixel_accuracy"

    def _each(self, fake: Tensor, source: Tensor) -> Tensor:
        cells = self._confusion(fake, source).double()
        return cells.diagonal(dim1=1, dim2=2).sum(1) / cells.sum((1, 2))


class _ClassMetric(_LabelMetric):
    """Base class: the mean over classes of a measure, from the counts of all images."""

    def _measure(self, fake: Tensor, source: Tensor) -> tuple[Tensor, ...]:
        return (self._confusion(fake, source),)

    def _score(self, *measures: Tensor) -> Estimate:
        (cells,) = measures
        total, count, error = cells.sum(0), len(cells), nan
        if count > 1:
            without = self._mean(total - cells)
            error = sqrt(without.var(correction=0).item() * (count - 1))
        return Estimate(self._mean(total).item(), error, count)

    def _mean(self, cells: Tensor) -> Tensor:
        shares = cells.diagonal(dim1=-2, dim2=-1) / self._pixels(cells)
        return shares.nanmean(-1)

    @abstractmethod
    def _pixels(self, cells: Tensor) -> Tensor: ...


@METRICS.register("class_accuracy")
class ClassAccuracy(_ClassMetric):
    """Fraction of each class's pixels that a segmenter classifies correctly, averaged over classes.

    As in Long et al. (2015) and `PixelAccuracy`, from the counts of all images, over the classes in
    their label maps. The error is the jackknife's over images (Efron and Stein, 1981).

    Args:
        segmenter: As in `PixelAccuracy`.

    Examples:
        >>> ClassAccuracy().better
        'higher'
    """

    name = "class_accuracy"

    def _pixels(self, cells: Tensor) -> Tensor:
        return cells.sum(-1)


@METRICS.register("mean_iou")
class MeanIoU(_ClassMetric):
    r"""Intersection over union of label maps and segmentation, averaged over classes.

    $$\frac{1}{K} \sum_i \frac{n_{ii}}{\sum_j n_{ij} + \sum_j n_{ji} - n_{ii}}$$

    where n_ij is the number of pixels of class i that the segmenter predicts as j (Long et al.,
    2015), over the classes that occur in either. Counts and error are as in `ClassAccuracy`.

    Args:
        segmenter: As in `PixelAccuracy`.

    Examples:
        >>> MeanIoU().better
        'higher'
    """

    name = "mean_iou"

    def _pixels(self, cells: Tensor) -> Tensor:
        return cells.sum(-1) + cells.sum(-2) - cells.diagonal(dim1=-2, dim2=-1)
