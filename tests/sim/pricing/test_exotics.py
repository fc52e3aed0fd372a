"""Exotic payoffs against QuantLib's closed forms, and Monte Carlo through the one contract."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813

from sim.errors import ConfigError
from sim.pricing.exotics import (
    SQUEETH_FUNDING,
    ArithmeticAsian,
    Barrier,
    European,
    GeometricAsian,
    PowerPerpetual,
    normalisation,
)
from sim.pricing.payoffs import Market, Payoff, brownian_paths, estimate, monte_carlo

MARKET = Market(spot=100.0, volatility=0.6, rate=0.04, dividend=0.01)
DAYS, YEARS = 146, 0.4
KINDS = {
    ("down", "in"): ql.Barrier.DownIn, ("down", "out"): ql.Barrier.DownOut,
    ("up", "in"): ql.Barrier.UpIn, ("up", "out"): ql.Barrier.UpOut,
}  # fmt: skip


@pytest.fixture
def market(flat):
    return flat(MARKET.spot, MARKET.rate, MARKET.dividend, MARKET.volatility)


@pytest.mark.parametrize("is_call", [True, False], ids=["call", "put"])
@pytest.mark.parametrize(("side", "knock"), KINDS, ids=["-".join(kind) for kind in KINDS])
def test_barriers_agree_with_quantlib(market, side, knock, is_call):
    for barrier in (70.0, 95.0) if side == "down" else (105.0, 150.0):
        for strike in (60.0, 90.0, 100.0, 120.0, 170.0):
            option = ql.BarrierOption(
                KINDS[side, knock], barrier, 0.0, market.plain(strike, is_call), market.exercise(DAYS)
            )
            option.setPricingEngine(ql.AnalyticBarrierEngine(market.process))
            ours = Barrier(years=YEARS, strike=strike, barrier=barrier, side=side, knock=knock, is_call=is_call)
            assert ours.value(MARKET) == pytest.approx(option.NPV(), abs=1e-8)


@pytest.mark.parametrize("side", ["down", "up"])
def test_knock_in_and_knock_out_make_a_plain_option_on_every_path(side):
    paths = brownian_paths(MARKET, YEARS, 500, 20, np.random.default_rng(1))
    terms = {"years": YEARS, "strike": 100.0, "barrier": 90.0 if side == "down" else 120.0, "side": side}
    together = sum(Barrier(knock=knock, **terms).payoff(paths, MARKET) for knock in ("in", "out"))
    assert np.array_equal(together, European(years=YEARS, strike=100.0).payoff(paths, MARKET))


def test_a_barrier_already_touched():
    inside = Barrier(years=YEARS, strike=100.0, barrier=110.0, side="down", knock="in")
    assert inside.value(MARKET) == European(years=YEARS, strike=100.0).value(MARKET)
    assert Barrier(years=YEARS, strike=100.0, barrier=100.0, side="up", knock="out").value(MARKET) == 0.0


def test_barrier_by_monte_carlo_nears_its_closed_form():
    steps = 128
    shift = math.exp(0.5826 * MARKET.volatility * math.sqrt(YEARS / steps))  # Broadie, Glasserman and Kou 1997
    watched = Barrier(years=YEARS, strike=100.0, barrier=85.0, side="down", knock="out")
    found = monte_carlo(watched, MARKET, 20_000, steps)
    moved = Barrier(years=YEARS, strike=100.0, barrier=85.0 / shift, side="down", knock="out")
    assert abs(found.price - moved.value(MARKET)) < 3.0 * found.error


@pytest.mark.parametrize("is_call", [True, False], ids=["call", "put"])
@pytest.mark.parametrize("strike", [70.0, 100.0, 140.0])
def test_geometric_asians_agree_with_quantlib(market, strike, is_call):
    option = ql.ContinuousAveragingAsianOption(
        ql.Average.Geometric, market.plain(strike, is_call), market.exercise(DAYS)
    )
    option.setPricingEngine(ql.AnalyticContinuousGeometricAveragePriceAsianEngine(market.process))
    ours = GeometricAsian(years=YEARS, strike=strike, is_call=is_call)
    assert ours.value(MARKET) == pytest.approx(option.NPV(), abs=1e-8)


def test_geometric_mean_of_few_observations_by_monte_carlo():
    asian = GeometricAsian(years=YEARS, strike=100.0, observations=5)
    found = monte_carlo(asian, MARKET, steps=5)
    assert abs(found.price - asian.value(MARKET)) < 3.0 * found.error
    many = GeometricAsian(years=YEARS, strike=100.0, observations=10**7).value(MARKET)
    assert many == pytest.approx(GeometricAsian(years=YEARS, strike=100.0).value(MARKET), rel=1e-6)


def test_arithmetic_asian_gains_from_its_control_variate():
    asian = ArithmeticAsian(years=YEARS, strike=100.0)
    paths = brownian_paths(MARKET, YEARS, 20_000, 32, np.random.default_rng(7))
    plain = math.exp(-MARKET.rate * YEARS) * asian.payoff(paths, MARKET)
    controlled = estimate(asian, MARKET, paths)
    error = plain.std(ddof=1) / math.sqrt(plain.size)
    assert controlled.error < error / 10.0
    assert abs(plain.mean() - controlled.price) < 3.0 * error
    assert asian.value(MARKET) > GeometricAsian(years=YEARS, strike=100.0).value(MARKET)
    assert asian.value(MARKET) == asian.value(MARKET)


def test_plain_options_by_monte_carlo():
    for is_call in (True, False):
        option = European(years=YEARS, strike=110.0, is_call=is_call)
        found = monte_carlo(option, MARKET, steps=1)
        assert abs(found.price - option.value(MARKET)) < 3.0 * found.error


def test_power_perpetual_is_worth_what_holding_and_selling_it_pays():
    squeeth = PowerPerpetual(years=YEARS)
    found = monte_carlo(squeeth, MARKET, 100_000, 4)
    assert abs(found.price - squeeth.value(MARKET)) < 3.0 * found.error
    calm = Market(spot=3000.0, volatility=0.8)
    assert squeeth.value(calm) == pytest.approx(9e6 * math.exp(0.64 * 17.5 / 365.0))


def test_normalisation_pays_the_whole_difference_in_one_funding_period():
    index, mark = np.full(420, 100.0), np.full(420, 110.0)
    kept = normalisation(index, mark, SQUEETH_FUNDING / 420)
    assert kept[-1] == pytest.approx(100.0 / 110.0)
    assert np.all(np.diff(kept) < 0.0)
    assert normalisation(index, index, 0.1)[-1] == 1.0


@dataclass(kw_only=True, eq=False)
class CashOrNothing(Payoff):
    """One unit of cash if the price ends above the strike: a payoff from outside, as a user adds one."""

    strike: float

    def payoff(self, paths, market):
        return np.where(paths[:, -1] > self.strike, 1.0, 0.0)


def test_a_new_payoff_is_priced_through_the_same_contract(market):
    ours = CashOrNothing(years=YEARS, strike=105.0)
    found = monte_carlo(ours, MARKET, 50_000, 1)
    option = ql.VanillaOption(ql.CashOrNothingPayoff(ql.Option.Call, 105.0, 1.0), market.exercise(DAYS))
    option.setPricingEngine(ql.AnalyticEuropeanEngine(market.process))
    assert abs(found.price - option.NPV()) < 3.0 * found.error
    assert ours.value(MARKET) == pytest.approx(option.NPV(), abs=0.01)


def test_settings_out_of_range_are_refused():
    with pytest.raises(ConfigError, match="European: years is 0; it must be above zero"):
        European(years=0.0, strike=100.0)
    with pytest.raises(ConfigError, match='side is "left"; allowed: down, up'):
        Barrier(years=1.0, strike=100.0, barrier=90.0, side="left")
    with pytest.raises(ConfigError, match="needs 2 paths and 1 step or more"):
        monte_carlo(European(years=1.0, strike=100.0), MARKET, paths=1)
