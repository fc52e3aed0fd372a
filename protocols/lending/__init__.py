"""Pooled lending: rates, rules, health and liquidation arithmetic of Aave-like markets."""
