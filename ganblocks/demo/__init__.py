"""Writes a page that runs a trained generator in the browser, opened from disk."""

from ganblocks.demo.writing import write_demo

__all__ = ["write_demo"]
