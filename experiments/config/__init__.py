"""Configs: from TOML files and --set items to validated, located, immutable settings."""

from experiments.config.canonical import canonical, resolve
from experiments.config.loading import Config, load
from experiments.config.problems import ConfigProblems, Origin, Problem
from experiments.config.schema import json_schema
from experiments.config.sources import PRESETS, presets

__all__ = [
    "PRESETS",
    "Config",
    "ConfigProblems",
    "Origin",
    "Problem",
    "canonical",
    "json_schema",
    "load",
    "presets",
    "resolve",
]
