"""Design of experiments: from the [sweep] section of a config to the points that are run."""

from experiments.design.axes import Axis, Level
from experiments.design.plan import Plan, Point, plan
from experiments.design.stopping import enough, half_width

__all__ = ["Axis", "Level", "Plan", "Point", "enough", "half_width", "plan"]
