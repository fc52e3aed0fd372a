"""Configs, composition, runs, store, analysis, plots, report and the command line."""
