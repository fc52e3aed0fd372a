"""Where the replications of a run are computed."""
