"""Carry funds on a venue of perpetuals that tests control: when they enter, how much, margin, and lost hedges."""

import numpy as np
import pytest

from experiments.build import build
from experiments.config.problems import ConfigProblems
from sim import exposure
from sim.errors import ConfigError
from sim.events import Kind
from sim.flows import Motive
from sim.model import SpilloverModel
from tests.perp_fakes import PERPS, perp_config
from tests.worlds import COMMON, DEPTH, LENDING, ORACLE, events_of, people

FUNDS = """
[[agents]]
name = "carry"
kind = "carry"
count = 6
asset = "ETH"
spot_venue = "market"
perp_venue = "perps"
every = "10min"
memory = "10min"
capital_usd = { median = 1e5, spread = 0.3 }
"""
PATH = """
[[processes]]
name = "eth"
kind = "shock_path"
assets = ["ETH"]
volatility = 0.0
knots = [["30min", 0.0], ["90min", MOVE]]
"""


def make(*more, move=0.0, funding=0.3, sets=(), perps=PERPS, funds=FUNDS):
    world = build(perp_config(COMMON, PATH.replace("MOVE", str(move)), DEPTH, perps, funds, *more, sets=sets))
    if hasattr(world.protocol("perps"), "funding"):
        world.protocol("perps").funding = funding
    return world


def step(world, ticks=1):
    model = SpilloverModel(world)
    for _ in range(ticks):
        model.step()


def invested(*more, **kwargs):
    """A world in which funds have entered and look at their size no more."""
    world = make(*more, **kwargs)
    step(world, 3)
    world.population("carry").every = 1e9
    return world


def books(world):
    actor = next(actor for actor in world.actors if actor.population.name == "carry")
    actor.view.refresh(actor.noise)
    return actor.population.books(actor.view, world.protocol("perps").quote(world).contracts[0])


def wealth(world):
    exposure.revalue(world)
    funds = world.population("carry")
    return exposure.wealth_by_account(world)[funds.lo : funds.hi]


def gap(world):
    """(n,) unhedged part of each position."""
    held = books(world)
    return np.abs(held.spot - held.short) / np.maximum(np.maximum(held.spot, held.short), 1e-9)


def test_funds_enter_when_carry_pays_and_hold_as_much_coin_as_they_are_short():
    world = make()
    step(world, 3)
    held = books(world)
    assert (held.spot > 1.0).all()
    assert gap(world).max() <= world.population("carry").delta_band
    assert world.population("carry").running.all()


@pytest.mark.parametrize("funding", [0.0, 0.05, -0.5])
def test_funds_stay_out_when_it_does_not(funding):
    world = make(funding=funding)
    step(world, 3)
    assert (books(world).short == 0.0).all()


def test_between_entry_and_exit_funds_keep_what_they_have_and_those_out_stay_out():
    world = make(funding=0.35, sets=("agents.carry.horizon=365d",))
    step(world, 3)
    world.protocol("perps").funding = 0.06
    step(world, 5)
    assert (books(world).short > 0.0).all()
    late = make(funding=0.06, sets=("agents.carry.horizon=365d",))
    step(late, 6)
    assert (books(late).short == 0.0).all()
    world.protocol("perps").funding = 0.0
    step(world, 4)
    assert (books(world).short == 0.0).all()


def test_the_position_grows_with_carry_up_to_the_cap():
    sizes = []
    for funding in (0.12, 0.2, 0.3, 3.0):
        world = make(funding=funding, sets=("agents.carry.appetite=3.0", "agents.carry.horizon=365d"))
        step(world, 4)
        sizes.append(books(world).short.sum())
    assert sizes == sorted(sizes)
    assert sizes[0] < 0.5 * sizes[2]
    held = books(world)
    value = (held.spot * world.spot()[1] + held.cash + held.equity).sum()
    tied_up = (held.spot * world.spot()[1] * (1.0 + 1.0 / world.population("carry").lever)).sum()
    assert 0.9 < tied_up / value <= 1.0


@pytest.mark.parametrize("seed", range(3))
def test_net_delta_stays_in_its_band_at_all_times_that_funds_trade(seed):
    world = make(sets=(f"run.seed={seed}", "run.ticks=40", "processes.eth.volatility=2.0"))
    model, traded = SpilloverModel(world), 0
    rng = np.random.default_rng(seed)
    while model.running:
        world.protocol("perps").funding = float(rng.choice([0.0, 0.15, 0.4]))
        before = books(world).short
        model.step()
        moved = books(world).short != before
        traded += moved.sum()
        assert gap(world)[moved].max(initial=0.0) <= world.population("carry").delta_band
    assert traded > 10


def test_profit_is_funding_and_basis_less_fees_whatever_the_coin_does():
    for move in (0.0, 0.25, -0.25):
        sets = ("agents.carry.margin_floor=0.0", "chain.allowance=0.0")
        world = invested(move=move, sets=sets, perps=PERPS + "fee = 0.0005\n")
        start, short = wealth(world), books(world).short
        world.protocol("perps").pay_funding(world, 1e-3)
        world.protocol("perps").premium = -0.002
        gained = wealth(world) - start
        assert gained == pytest.approx(short * world.spot()[1] * (1e-3 + 0.002), rel=2e-3)
        world.protocol("perps").premium = 0.0
        before = wealth(world)
        model = SpilloverModel(world)
        for _ in range(8):
            model.step()
        assert books(world).short == pytest.approx(short)
        # A coin that moves by a quarter leaves them where they were.
        assert np.abs((wealth(world) - before) / (short * 2_000.0)).max() < 0.002


def test_an_account_whose_margin_runs_low_adds_cash_and_one_without_cash_cuts_both_legs():
    world = invested(move=0.45, sets=("agents.carry.leverage=[2.9, 3.0]",))
    funds, before = world.population("carry"), books(world)
    model = SpilloverModel(world)
    for _ in range(8):
        model.step()
        held = books(world)
        ratio = held.equity / (held.short * world.spot()[1])
        assert (ratio > 0.0).all()
    assert (books(world).short < before.short).any()
    added = events_of(world, Kind.DEPOSIT)
    assert {tick for tick in added["tick"] if tick > 3}
    assert gap(world).max() <= funds.delta_band
    assert {int(m) for m in sent_motives(world)} >= {int(Motive.UNWIND)}


def sent_motives(world):
    flows = world.flows.table()
    return flows["motive"][flows["population"] == world.population("carry").index]


def test_a_fund_that_was_deleveraged_sells_the_coin_after_its_delay_and_names_the_cause():
    world = invested(sets=("agents.carry.reaction_delay=[2, 2]",))
    funds = world.population("carry")
    coins = books(world).spot[1]
    event = world.protocol("perps").deleverage(world, funds.lo + 1, 0.4)
    model, seen = SpilloverModel(world), []
    for _ in range(4):
        model.step()
        seen.append(books(world).spot[1] / coins)
    assert seen[:2] == [1.0, 1.0]
    assert seen[2] == pytest.approx(0.6, abs=0.001)
    swaps = events_of(world, Kind.SWAP)
    sale = swaps["actor"].index(funds.lo + 1, len(swaps["actor"]) - 1)
    assert swaps["cause"][sale] == event
    flows = world.flows.table()
    mine = (flows["population"] == funds.index) & (flows["motive"] == Motive.UNWIND)
    assert flows["dlog"][mine].sum() < 0.0


def test_a_dearer_loan_shrinks_the_position():
    bank = people("bank", USD=1e7, opens='[["deposit", "aave", "USD", 1e6]]')
    loan = '[["deposit", "aave", "ETH", 1000.0], ["borrow", "aave", "USD", 8e5]]'
    debtor = people("debtor", ETH=2_000.0, opens=loan)
    funds = FUNDS + 'financing = "aave"\nappetite = 3.0\nhorizon = "365d"\n'
    sizes = []
    for base in (0.0, 0.05, 0.1, 0.3):
        world = make(ORACLE, LENDING + f"base_rate = {base}\n", bank, debtor, funding=0.3, funds=funds)
        step(world, 4)
        sizes.append(books(world).short.sum())
    assert sizes[0] > sizes[1] > sizes[2] > sizes[3] == 0.0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("leave = [0.02, 0.2]", "must not pass the lowest entry"),
        ("enter = [0.2, 0.1]", "lower bound"),
        ("margin_floor = 0.4", "must be below 1 / 3"),
    ],
)
def test_settings_that_do_not_fit_are_refused(line, message):
    with pytest.raises(ConfigProblems, match=message):
        make(funds=FUNDS + line + "\n")


def test_venues_without_the_market_are_refused():
    with pytest.raises(ConfigError, match="has no linear perpetual on ETH"):
        make(sets=("agents.carry.perp_venue=market",))
