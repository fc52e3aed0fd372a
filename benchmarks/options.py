"""European options: prices with five Greeks, implied volatilities and Fourier strips.

The compiled kernel races the same formula in NumPy with SciPy's normal distribution, and QuantLib on a part. Prices are
compared with a tolerance before anything is timed, because the contenders round differently; what the race compares
bit for bit is which prices were right.
"""

from collections.abc import Callable
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Contender, Disagreement, Figure, Job, Report, race, ratio, speed
from sim.pricing.black_scholes import bsm_greeks
from sim.pricing.characteristic import BatesModel, HestonModel
from sim.pricing.fourier import cos_prices
from sim.pricing.implied_volatility import implied_volatilities

NAME = "options"
TITLE = "European options with five Greeks, one thread"
OPTIONS = 1_000_000
COMPARED = 2_000
"""Options that QuantLib does too, and on which answers are compared."""
TARGET, INVERSION_TARGET = 15.0, 1.0
"""Million options per second, and million implied volatilities per second."""
TOLERANCE = 1e-9
"""Absolute, on spots near 100 and Greeks that reach a few hundred."""
Reals = NDArray[np.float64]
Pricer = Callable[..., object]


class Chain:
    """Options of random terms around a spot of 100."""

    def __init__(self, count: int) -> None:
        rng = np.random.default_rng(5)
        self.spot = rng.uniform(80.0, 120.0, count)
        self.strike = self.spot * np.exp(rng.normal(0.0, 0.25, count))
        self.years = rng.integers(2, 730, count) / 365.0
        self.volatility = rng.uniform(0.2, 1.5, count)
        self.rate, self.dividend = rng.uniform(0.0, 0.1, count), rng.uniform(0.0, 0.05, count)
        self.is_call = rng.random(count) < 0.5

    def terms(self, count: int) -> Any:
        """The first `count` options, in the order of the kernel's arguments."""
        named = self.spot, self.strike, self.years, self.volatility, self.rate, self.dividend, self.is_call
        return tuple(column[:count] for column in named)

    def job(self, pricer: Pricer, count: int, truth: Reals) -> Job:
        """Price `count` options; the answer is which of the compared ones are right."""
        terms, out = self.terms(count), np.empty((count, 6))
        compared = len(truth)
        return Job(
            lambda: pricer(*terms, out),
            lambda: {"right": np.abs(out[:compared] - truth) <= TOLERANCE * np.maximum(1.0, np.abs(truth))},
        )


def scipy_greeks(
    spot: Reals, strike: Reals, years: Reals, volatility: Reals, rate: Reals, dividend: Reals, is_call: Any, out: Reals
) -> None:
    """The textbook formula on whole arrays."""
    from scipy.special import ndtr

    root = np.sqrt(years)
    width = volatility * root
    d1 = (np.log(spot / strike) + (rate - dividend) * years) / width + 0.5 * width
    sign = np.where(is_call, 1.0, -1.0)
    own, owed = spot * np.exp(-dividend * years), strike * np.exp(-rate * years)
    mine, theirs = own * ndtr(sign * d1), owed * ndtr(sign * (d1 - width))
    bell = own * np.exp(-0.5 * d1 * d1) / np.sqrt(2.0 * np.pi)
    out[:, 0], out[:, 1], out[:, 2] = sign * (mine - theirs), sign * mine / spot, bell / (spot * spot * width)
    out[:, 3], out[:, 5] = bell * root, sign * years * theirs
    out[:, 4] = sign * (dividend * mine - rate * theirs) - 0.5 * bell * volatility / root


def quantlib_greeks(
    spot: Reals, strike: Reals, years: Reals, volatility: Reals, rate: Reals, dividend: Reals, is_call: Any, out: Reals
) -> None:
    """QuantLib's Black calculator, which its analytic European engine wraps, one option after another."""
    import QuantLib as ql  # noqa: N813

    for i in range(len(out)):
        own, owed = float(np.exp(-dividend[i] * years[i])), float(np.exp(-rate[i] * years[i]))
        kind = ql.Option.Call if is_call[i] else ql.Option.Put
        width, here = float(volatility[i] * np.sqrt(years[i])), float(spot[i])
        known = ql.BlackCalculator(ql.PlainVanillaPayoff(kind, float(strike[i])), here * own / owed, width, owed)
        time = float(years[i])
        out[i, :4] = known.value(), known.delta(here), known.gamma(here), known.vega(time)
        out[i, 4:] = known.theta(here, time), known.rho(time)


def contenders(scale: float = 1.0) -> list[Contender]:
    """The kernel, NumPy with SciPy, and QuantLib."""
    count = max(64, int(OPTIONS * scale))
    compared, chain = min(COMPARED, count), Chain(count)
    truth = np.empty((compared, 6))
    quantlib_greeks(*chain.terms(compared), truth)
    return [
        Contender("compiled", lambda: chain.job(bsm_greeks, count, truth), count, 15),
        Contender("NumPy and SciPy", lambda: chain.job(scipy_greeks, count, truth), count, 5),
        Contender("QuantLib", lambda: chain.job(quantlib_greeks, compared, truth), compared, 3),
    ]


def inversion(scale: float = 1.0) -> Figure:
    """Implied volatilities of the chain's out-of-the-money options; Disagreement if they are not those it came from."""
    count = max(64, int(OPTIONS * scale))
    chain, table = Chain(count), np.empty((count, 6))
    chain.is_call = chain.strike >= chain.spot * np.exp((chain.rate - chain.dividend) * chain.years)
    spot, strike, years, volatility, rate, dividend, is_call = chain.terms(count)
    bsm_greeks(spot, strike, years, volatility, rate, dividend, is_call, table)
    price, out, status = table[:, 0].copy(), np.empty(count), np.empty(count, np.int8)
    seconds = []
    for _ in range(4):
        start = process_time()
        implied_volatilities(price, spot, strike, years, rate, dividend, is_call, out, status)
        seconds.append(process_time() - start)
    valued = price > 1e-290
    worst = float(np.max(np.abs(out[valued] / volatility[valued] - 1.0)))
    if not worst < 1e-12:
        raise Disagreement(f"an implied volatility is off by {worst:.2g} of itself")
    detail = f"best {count / min(seconds[1:]) / 1e6:.4g}, largest relative error {worst:.2g}"
    value = count / float(np.median(seconds[1:])) / 1e6
    return Figure("implied volatility", value, "million/s", INVERSION_TARGET, detail=detail)


def strips(scale: float = 1.0) -> list[Figure]:
    """Strips of 50 strikes by the COS method, in microseconds."""
    strikes, found = np.linspace(50.0, 180.0, 50), []
    rounds = max(3, int(300 * scale))
    for name, model in (("Heston", HestonModel()), ("Bates", BatesModel())):
        cos_prices(model, 100.0, strikes, 0.1)
        start = process_time()
        for _ in range(rounds):
            cos_prices(model, 100.0, strikes, 0.1)
        taken = (process_time() - start) / rounds * 1e6
        found.append(Figure(f"COS, {name}, 50 strikes, 256 terms", taken, "microseconds", at_most=True))
    return found


def run(scale: float = 1.0) -> Report:
    """Prices and Greeks, then the inverse problem, then Fourier strips."""
    compiled, numpy, quantlib = race(contenders(scale))
    million = "million options/s"
    figures = [
        speed(compiled, 1e6, million, TARGET),
        speed(numpy, 1e6, million),
        speed(quantlib, 1e6, million),
        ratio("compiled over NumPy and SciPy", compiled, numpy),
        ratio("compiled over QuantLib", compiled, quantlib),
        inversion(scale),
        *strips(scale),
    ]
    return Report(NAME, TITLE, figures, f"prices and Greeks with QuantLib's, to {TOLERANCE:g}")
