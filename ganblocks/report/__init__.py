"""The report and the card of a run, written from the run's files only."""

from ganblocks.report.card import write_card
from ganblocks.report.page import write_report

__all__ = ["write_card", "write_report"]
