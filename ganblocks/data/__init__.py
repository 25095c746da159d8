"""Datasets of pairs and of images, transforms, and facades: synthetic ones and CMP's."""

from ganblocks.data.base import PairedDataset
from ganblocks.data.check import check_folder, check_pairs, require_readable
from ganblocks.data.cmp import download_cmp_facades
from ganblocks.data.describe import describe_pairs, describe_sizes
from ganblocks.data.epochs import DATASETS, EpochDataset
from ganblocks.data.formats import FORMATS, ImageFormat, SideFormat
from ganblocks.data.from_images import DownscaledPairs, UnpairedImageDataset
from ganblocks.data.images import ImageDataset, ImagesOfPairs
from ganblocks.data.label_format import LabelFormat
from ganblocks.data.paired import PairedImageDataset
from ganblocks.data.palette import CMP_PALETTE, rgb_to_classes
from ganblocks.data.readers import READERS, Stored
from ganblocks.data.resizing import Size
from ganblocks.data.scan import held_out_split, split_names
from ganblocks.data.synthetic import SyntheticFacades
from ganblocks.data.transforms import PairTransform

__all__ = [
    "CMP_PALETTE",
    "DATASETS",
    "FORMATS",
    "READERS",
    "DownscaledPairs",
    "EpochDataset",
    "ImageDataset",
    "ImageFormat",
    "ImagesOfPairs",
    "LabelFormat",
    "PairTransform",
    "PairedDataset",
    "PairedImageDataset",
    "SideFormat",
    "Size",
    "Stored",
    "SyntheticFacades",
    "UnpairedImageDataset",
    "check_folder",
    "check_pairs",
    "describe_pairs",
    "describe_sizes",
    "download_cmp_facades",
    "held_out_split",
    "require_readable",
    "rgb_to_classes",
    "split_names",
]
