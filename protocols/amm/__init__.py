"""Automated market makers: pools that quote from their reserves."""
