"""Named random streams.

A stream is keyed by (seed, replication, stable name), so adding, removing or changing one component never shifts
another's draws, and paired arms share their randomness. Paths use a NumPy Generator; populations use `Draws`, which
is counter-based: a number depends on (stream, tick, account label, slot) alone, so it survives permuting rows and
does not depend on how many accounts acted before.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from sim.errors import ConfigError
from sim.jit import kernel

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_TO_UNIT = 2.0**-53


def _stable_hash(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")


class Streams:
    """All random streams of one run. Two streams of the same name are refused."""

    def __init__(self, seed: int, replication: int = 0) -> None:
        self.seed, self.replication = seed, replication
        self._names: set[str] = set()

    def _sequence(self, name: str) -> np.random.SeedSequence:
        if name in self._names:
            raise ConfigError(f'two random streams are named "{name}"; stream names must be unique')
        self._names.add(name)
        return np.random.SeedSequence(self.seed, spawn_key=(self.replication, _stable_hash(name)))

    def generator(self, name: str) -> np.random.Generator:
        """A NumPy generator for paths and set-up."""
        return np.random.Generator(np.random.Philox(self._sequence(name)))

    def draws(self, name: str, labels: NDArray[np.int64]) -> "Draws":
        """Counter-based draws for a population whose rows carry these stable labels."""
        key = self._sequence(name).generate_state(2, np.uint64).astype(np.uint64)
        return Draws(key, labels)


class Draws:
    """Uniform and normal numbers as a pure function of (stream, tick, label, slot)."""

    def __init__(self, key: NDArray[np.uint64], labels: NDArray[np.int64]) -> None:
        self._key = key
        self.labels = labels
        self.tick = 0

    def uniform(self, rows: NDArray[np.int64], slot: int = 0) -> NDArray[np.float64]:
        """One number in [0, 1) for each row; another `slot` gives an independent number."""
        return self.of(self.labels[rows], slot)

    def of(self, labels: NDArray[np.int64], slot: int = 0) -> NDArray[np.float64]:
        """One number in [0, 1) for each label, whether or not a row carries it."""
        return hash_uniform(self._key, self.tick, slot, labels)

    def normal(self, rows: NDArray[np.int64], slot: int = 0) -> NDArray[np.float64]:
        """One standard normal number for each row (Box-Muller on two uniform slots)."""
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform(rows, 2 * slot + 1_000_000)))
        return radius * np.cos(2.0 * np.pi * self.uniform(rows, 2 * slot + 1_000_001))

    def exponential(self, rows: NDArray[np.int64], slot: int = 0) -> NDArray[np.float64]:
        """One unit exponential number for each row."""
        return -np.log1p(-self.uniform(rows, slot))


def _hash_uniform_numpy(key, tick, slot, labels):
    with np.errstate(over="ignore"):
        base = key[0] + np.uint64(tick) * _GAMMA ^ (key[1] + np.uint64(slot) * _MIX1)
        z = _mix(labels.astype(np.uint64) * _GAMMA + base)
        z = _mix(z ^ key[1])
    return (z >> np.uint64(11)).astype(np.float64) * _TO_UNIT


def _mix(z):
    z = (z ^ (z >> np.uint64(30))) * _MIX1
    z = (z ^ (z >> np.uint64(27))) * _MIX2
    return z ^ (z >> np.uint64(31))


@kernel(twin=_hash_uniform_numpy)
def hash_uniform(key, tick, slot, labels):
    """SplitMix64 finaliser applied twice to (key, tick, slot, label); uniform on [0, 1), 53 bits."""
    out = np.empty(labels.size)
    base = key[0] + np.uint64(tick) * _GAMMA ^ (key[1] + np.uint64(slot) * _MIX1)
    for i in range(labels.size):
        z = np.uint64(labels[i]) * _GAMMA + base
        for again in range(2):
            z = (z ^ (z >> np.uint64(30))) * _MIX1
            z = (z ^ (z >> np.uint64(27))) * _MIX2
            z = z ^ (z >> np.uint64(31))
            if again == 0:
                z = z ^ key[1]
        out[i] = np.float64(z >> np.uint64(11)) * _TO_UNIT
    return out
