"""Minting and redeeming a synthetic dollar: what units cost and bring, limits, the queue, and who is refused."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.config.problems import ConfigProblems
from sim import exposure
from sim.errors import ConfigError
from sim.events import Kind
from sim.intents import ALL, Act
from sim.model import SpilloverModel
from tests.dollar_worlds import BOOK, ISSUER, MONEY, make
from tests.worlds import DEPTH, do, events_of, holding, people

FEES = "mint_fee = 0.002\nredeem_fee = 0.003\n"


def mint(world, usd, row=0, **more):
    return do(world, "holders", Act.MINT, "issuer", "USD", round(usd * MONEY), row=row, token2="USDE", **more)


def redeem(world, units, row=0, **more):
    amount = units if units == ALL else round(units * MONEY)
    return do(world, "holders", Act.REDEEM, "issuer", "USDE", amount, row=row, **more)


def step(world, ticks=1):
    model = SpilloverModel(world)
    for _ in range(ticks):
        model.step()


def test_a_unit_costs_a_dollar_and_the_fee_and_brings_a_dollar_less_the_fee():
    world = make(issuer=ISSUER + FEES)
    step(world)
    money = holding(world, "holders", "USD")
    assert mint(world, 1_000.0).amount == 998 * MONEY
    assert holding(world, "holders", "USD") == money - 1_000 * MONEY
    redeem(world, 998.0)
    assert holding(world, "holders", "USDE") == 10**12
    step(world)
    assert holding(world, "holders", "USD") == money - 1_000 * MONEY + math.floor(998 * 0.997 * MONEY)


def test_mints_and_redemptions_are_on_record():
    world = make()
    step(world)
    mint(world, 700.0)
    redeem(world, 500.0)
    step(world)
    mints, asked, paid = (events_of(world, kind) for kind in (Kind.MINT, Kind.REDEEM, Kind.WITHDRAW))
    assert (mints["amount"], mints["value"]) == ([700 * MONEY], [700.0])
    assert (asked["amount"], asked["value"]) == ([500 * MONEY], [500.0])
    mine = [i for i, venue in enumerate(paid["protocol"]) if venue == world.protocol("issuer").index]
    assert [paid["cause"][i] for i in mine] == asked["id"]
    assert [paid["value"][i] for i in mine] == pytest.approx([499.5])


@settings(max_examples=25)
@given(st.floats(0.01, 900_000.0), st.floats(0.0, 0.02), st.floats(0.0, 0.02))
def test_minting_and_redeeming_at_once_never_pays(usd, mint_fee, redeem_fee):
    world = make(issuer=f"{ISSUER}mint_fee = {mint_fee!r}\nredeem_fee = {redeem_fee!r}\n")
    money = holding(world, "holders", "USD")
    done = mint(world, usd)
    if done.done:
        redeem(world, done.amount / MONEY)
        world.clock.tick = 0
        world.protocol("issuer").settle(world)
    assert holding(world, "holders", "USD") <= money


def test_the_queue_is_paid_in_turn_up_to_the_limit_of_each_tick():
    world = make(issuer=ISSUER + "redeem_cap = 1000.0\nredeem_fee = 0.0\n")
    step(world)
    start = [holding(world, "holders", "USD", row) for row in range(3)]
    for row, units in enumerate((700.0, 600.0, 500.0)):
        redeem(world, units, row)
    paid = []
    for _ in range(2):
        step(world)
        paid.append([(holding(world, "holders", "USD", row) - start[row]) / MONEY for row in range(3)])
    assert paid == [[700.0, 300.0, 0.0], [700.0, 600.0, 500.0]]
    assert world.quotes["issuer"].queued == 800 * MONEY  # as seen at the start of the last tick
    assert holding(world, "issuer", "issuer.queued") == 0


def test_a_place_in_the_queue_is_worth_a_unit():
    world = make(issuer=ISSUER + "redeem_cap = 1.0\n")
    exposure.revalue(world)
    before = exposure.wealth_by_owner(world)
    redeem(world, 1_000.0)
    exposure.revalue(world)
    assert exposure.wealth_by_owner(world) == pytest.approx(before, rel=1e-9)
    assert world.prices.values[world.tokens["issuer.queued"].index] == 1.0


def test_redeeming_everything_means_all_that_is_held():
    world = make()
    assert redeem(world, ALL).amount == 10**12
    assert not redeem(world, ALL).done


def test_below_full_backing_both_directions_go_at_what_a_unit_is_worth():
    world = make(issuer=ISSUER + "reserve = 0.0\nredeem_fee = 0.0\nrebalance_band = 1.0\n")
    step(world)
    take_from_backing(world, 0.2)
    assert world.protocol("issuer").value(world) == pytest.approx(0.8)
    done = mint(world, 800.0)
    assert done.amount == pytest.approx(1_000 * MONEY, rel=1e-6)
    money = holding(world, "holders", "USD", 1)
    redeem(world, 1_000.0, 1)
    world.protocol("issuer").settle(world)
    assert holding(world, "holders", "USD", 1) - money == pytest.approx(800 * MONEY, rel=1e-6)
    assert world.protocol("issuer").value(world) == pytest.approx(0.8, rel=1e-5)  # nobody gains by leaving first


def take_from_backing(world, share):
    """Let a share of the net assets vanish from the margin account and the wallet."""
    issuer = world.protocol("issuer")
    venue, loss = world.protocol("perps"), round(issuer.net_assets(world) * share * MONEY)
    world.ledger.move(venue.accounts.quote, issuer.account, 0, loss, 0)


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (lambda w: mint(w, 1e9), "does not hold that much"),
        (lambda w: redeem(w, 1e9), "does not hold that much"),
        (lambda w: mint(w, 2_000.0), "limit of new units"),
        (lambda w: mint(w, 500.0, limit=1.1), "worse than the order's limit"),
        (lambda w: redeem(w, 500.0, limit=1.1), "worse than the order's limit"),
        (lambda w: do(w, "holders", Act.REDEEM, "issuer", "ETH", 10), "its own asset"),
        (lambda w: do(w, "holders", Act.MINT, "issuer", "ETH", 10, token2="USDE"), "takes the numeraire"),
        (lambda w: do(w, "strangers", Act.MINT, "issuer", "USD", 10, token2="USDE"), "neither mint nor redeem"),
        (lambda w: do(w, "holders", Act.MINT, "issuer", "USD", 0, token2="USDE"), "does not hold"),
    ],
    ids=["mint", "redeem", "cap", "mint limit", "redeem limit", "token", "money", "list", "nothing"],
)
def test_refused_orders_say_why_and_move_nothing(order, reason):
    wide = 'open_to = ["holders"]\n' + ("mint_cap = 1000.0\n" if reason.startswith("limit of new") else "")
    world = make(people("strangers", USD=1e3), issuer=ISSUER + wide)
    before = world.ledger.balance.copy()
    outcome = order(world)
    assert not outcome.done
    assert reason in outcome.reason
    assert (world.ledger.balance == before).all()


def test_the_limit_on_new_units_counts_the_whole_tick():
    world = make(issuer=ISSUER + "mint_cap = 1000.0\n")
    step(world)
    assert mint(world, 600.0).done
    assert not mint(world, 600.0).done
    assert world.protocol("issuer").quote(world).mintable == 400 * MONEY
    step(world)
    assert mint(world, 600.0).done


def test_while_paused_nobody_is_paid():
    world = make()
    step(world)
    redeem(world, 1_000.0)
    world.protocol("issuer").paused = 1
    step(world)
    assert holding(world, "holders", "issuer.queued") == 1_000 * MONEY
    world.protocol("issuer").paused = 0
    step(world)
    assert holding(world, "holders", "issuer.queued") == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("leverage = 9.0", "must lie inside leverage_band"),
        ('open_to = ["nobody"]', "nobody"),
        ('backing = "USDE"', "issues itself"),
    ],
)
def test_settings_that_do_not_fit_are_refused(line, message):
    key = line.split(" ")[0]
    kept = "\n".join(row for row in ISSUER.splitlines() if not row.startswith(f"{key} ="))
    with pytest.raises((ConfigProblems, ConfigError), match=message):
        make(issuer=f"{kept}\n{line}\n")


def test_a_price_that_is_no_dollar_is_refused():
    with pytest.raises(ConfigError, match=r"listed at 2000 USD.*price = 1\.0"):
        make(sets=("assets.USDE.price=2000.0",))


def test_venues_come_first_and_must_have_the_market():
    with pytest.raises(ConfigError, match="list it after perps"):
        make(issuer="", depth=DEPTH + BOOK + ISSUER)
    with pytest.raises(ConfigError, match="no linear perpetual on USDC"):
        make(
            '[[assets]]\nname = "USDC"\nprice = 1.0\n[[processes]]\nname = "usdc"\nkind = "gbm"\nassets = ["USDC"]\n',
            sets=("protocols.issuer.backing=USDC",),
        )


def test_without_liquidity_for_the_opening_short_the_build_is_refused():
    with pytest.raises(ConfigError, match="refused the opening short"):
        make(sets=("protocols.perps.room=10.0",))
