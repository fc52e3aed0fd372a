"""What a sweep says: differences, tails, sensitivities, phase diagrams and scenarios, from its table of runs."""

from experiments.analysis.study import Study, open_study

__all__ = ["Study", "open_study"]
