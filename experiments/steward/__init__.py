"""Steward reports: a parameter of a lending market now and as proposed, within what a risk steward may change."""

from experiments.steward.document import Report, json_schema
from experiments.steward.limits import LIMITS, Limit
from experiments.steward.measures import assess
from experiments.steward.proposal import Proposal, Study, propose

__all__ = ["LIMITS", "Limit", "Proposal", "Report", "Study", "assess", "json_schema", "propose"]
