"""The roof over memory-bound kernels: the STREAM triad (McCalpin 1995), compiled like every other kernel."""

# mypy: allow-untyped-defs

from sim.jit import kernel


def _triad_numpy(a, b, factor, out):
    out[:] = a + factor * b


@kernel(twin=_triad_numpy)
def stream_triad(a, b, factor, out):
    """out = a + factor * b over float64 arrays of one length."""
    for i in range(out.size):
        out[i] = a[i] + factor * b[i]
