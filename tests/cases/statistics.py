"""Random arguments for the kernels of price processes."""

from tests.kernel_cases import case


@case("sim.processes.mean_reverting.pulled_path")
def _(rng, n):
    return rng.uniform(0.0, 1.0), rng.normal(), rng.standard_normal((n, 3))
