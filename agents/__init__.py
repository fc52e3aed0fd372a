"""Behaviours: one file each. They see views and return intents; they never touch a protocol."""

SPILLOVER = True
