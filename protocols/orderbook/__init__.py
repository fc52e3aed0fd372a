"""Limit order books for spot assets, with what resting orders promise held in escrow."""
