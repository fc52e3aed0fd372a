"""The machine: ledger, tick, intents, views, events, prices, chain, contagion, metrics."""
