"""Published measures of how fragile a whole market is, as functions of arrays."""
