import numpy as np
import pytest

from agents.noise import Noise
from agents.shared.sizes import Sizes
from sim.errors import ConfigError
from sim.flows import Motive


def noise(count=2_000, **settings):
    defaults = {"name": "noise", "assets": ["ETH"], "venues": ["market"]}
    return Noise(count=count, **(defaults | settings))


def rows_of(intent):
    return intent.account - 10


def test_accounts_trade_at_the_rate_they_are_given(floor):
    place = floor(ETH=2000.0).open("market").seat(noise(trades_per_day=30.0, wealth_usd=Sizes(median=1e7, spread=0.0)))
    trades = np.zeros(2_000)
    for _ in range(720):
        for intent in place.step().act():
            np.add.at(trades, rows_of(intent), 1)
    # half a day at 30 a day: Poisson of mean 15, so its variance is 15 too.
    assert trades.mean() == pytest.approx(15.0, abs=4 * np.sqrt(15.0 / 2_000))
    assert trades.var() == pytest.approx(15.0, rel=0.15)


def test_sizes_are_lognormal_and_sides_follow_the_buy_share(floor):
    rich = Sizes(median=1e9, spread=0.0)
    place = floor(ETH=2000.0).open("market")
    place.seat(noise(trades_per_day=200.0, size_usd=500.0, size_spread=0.8, buy_share=0.7, wealth_usd=rich))
    for _ in range(60):
        place.step().act()
    buys = np.concatenate([np.log(intent.amount / 1e6) for intent in place.sent if intent.token == 0])
    sales = np.concatenate([np.log(intent.amount / 1e6 * 2000.0) for intent in place.sent if intent.token == 1])
    assert buys.size / (buys.size + sales.size) == pytest.approx(0.7, abs=0.02)
    for logs in (buys, sales):
        assert logs.mean() == pytest.approx(np.log(500.0), abs=0.03)
        assert logs.std() == pytest.approx(0.8, rel=0.05)
    assert {intent.motive for intent in place.sent} == {Motive.NOISE}


def test_nobody_trades_more_than_is_held_nor_the_money_for_gas(floor):
    place = floor(ETH=2000.0).open("market", fee=0.01)
    place.kept_back = 40_000
    place.seat(noise(count=300, trades_per_day=700.0, size_usd=3_000.0, wealth_usd=Sizes(median=5_000.0)))
    place.balances[1] += place.kept_back
    for _ in range(100):
        place.step().act()
    assert place.sent
    assert (place.balances[0] >= 0).all()
    assert (place.balances[1] >= place.kept_back).all()
    assert (place.balances[0] == 0).any()


def test_each_account_keeps_to_its_venue_and_shares_decide_how_many_do(floor):
    place = floor(ETH=2000.0).open("a").open("b").open("c")
    population = noise(venues=["a", "b", "c"], venue_shares=[6.0, 0.0, 2.0], trades_per_day=100.0)
    place.seat(population)
    assert np.bincount(population.habit, minlength=3) / 2_000 == pytest.approx([0.75, 0.0, 0.25], abs=0.04)
    for _ in range(30):
        for intent in place.step().act():
            assert (population.habit[rows_of(intent)] == intent.venue).all()


def test_an_asset_that_the_usual_venue_lacks_is_traded_where_it_can_be(floor):
    place = floor(ETH=2000.0, BTC=40_000.0).open("eth", assets=["ETH"]).open("both")
    place.seat(noise(assets=["ETH", "BTC"], venues=["eth", "both"], trades_per_day=300.0))
    for _ in range(20):
        place.step().act()
    pairs = {(max(intent.token, intent.token2), intent.venue) for intent in place.sent}
    assert pairs == {(1, 0), (1, 1), (2, 1)}


def test_an_asset_that_no_venue_trades_is_named_with_the_venues(floor):
    place = floor(ETH=2000.0, BTC=40_000.0).open("eth", assets=["ETH"])
    with pytest.raises(ConfigError, match="no venue trades token 2; the population trades on eth"):
        place.seat(noise(assets=["BTC"], venues=["eth"]))


def test_what_an_account_does_does_not_depend_on_the_balances_of_others(floor):
    def trades(poor):
        place = floor(ETH=2000.0).open("market").seat(noise(count=50, trades_per_day=400.0))
        if poor:
            place.balances[0][25:] = place.balances[1][25:] = 0
        found = []
        for _ in range(50):
            for intent in place.step().act():
                found += [
                    (place.tick, row, intent.token, amount)
                    for row, amount in zip(rows_of(intent), intent.amount, strict=True)
                    if row < 25
                ]
        return sorted(found)

    assert trades(poor=False) == trades(poor=True)


def test_a_quiet_tick_and_an_empty_population_send_nothing(floor):
    place = floor(ETH=2000.0).open("market").seat(noise(count=0))
    assert place.step().act() == []
    quiet = floor(ETH=2000.0).open("market").seat(noise(count=5, trades_per_day=1e-6))
    assert quiet.step().act() == []


@pytest.mark.parametrize(
    ("settings", "field", "text"),
    [
        ({"venues": []}, "venues", "name at least one protocol"),
        ({"venues": ["a", "b"], "venue_shares": [1.0]}, "venue_shares", "give 2 numbers, one per venue"),
        ({"venue_shares": [0.0]}, "venue_shares", "not all zero"),
    ],
)
def test_check_names_the_setting_that_is_wrong(settings, field, text):
    [(found, message)] = noise(**settings).check()
    assert found == field
    assert text in message
