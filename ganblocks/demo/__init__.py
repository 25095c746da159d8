"""Writes an offline web page that runs a trained generator in the browser."""

from ganblocks.demo.writing import write_demo

__all__ = ["write_demo"]
