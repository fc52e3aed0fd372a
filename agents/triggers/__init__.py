"""Triggers: when an allocator looks at its target and when it acts on it, one file each."""

from agents.triggers import calendar, drift

__all__ = ["calendar", "drift"]
