"""What behaviours have in common: when accounts take their turn and how they send swaps."""
