"""Exit codes of the command line."""

OK = 0
USAGE = 2
"""Wrong usage or config; nothing was written."""
FAILED_RUNS = 3
"""Finished, but some replications failed."""
INVARIANT = 4
"""An invariant of the model, or a verification, did not hold."""
INTERRUPTED = 130
"""Stopped by Ctrl-C; finished replications are kept."""
