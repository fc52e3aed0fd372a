"""Allocation rules: target weights of allocators, one file each."""
