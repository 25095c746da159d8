"""The report of a run: one static page, written from the run's files only."""

from ganblocks.report.page import write_report

__all__ = ["write_report"]
