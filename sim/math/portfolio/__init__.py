"""Portfolios from means and covariances: exact solvers for what allocation rules ask for, one question per file."""
