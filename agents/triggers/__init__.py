"""Triggers: when an allocator looks at its target and when it acts on it, one file each."""

from agents.triggers import (
    calendar,
    cost_benefit,
    drift,
    forecast,
    funding,
    gas,
    health,
    realised_volatility,
    skew_change,
)

__all__ = [
    "calendar",
    "cost_benefit",
    "drift",
    "forecast",
    "funding",
    "gas",
    "health",
    "realised_volatility",
    "skew_change",
]
