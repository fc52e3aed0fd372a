"""Dated disturbances. One file each; every shock logs a SHOCK event that what follows can name as its cause."""
