"""Views: frozen, late and noisy as configured, and never anybody else's business."""

import numpy as np
import pytest

from sim.intents import Act, Intent
from sim.phases import look
from tests.worlds import AMM, DEPTH, LENDING, ORACLE, STILL, WILD, make_world, people, run


def seen_by(name, world):
    return next(actor.view for actor in world.actors if actor.population.name == name)


EVERYTHING = (WILD, DEPTH, AMM, LENDING, ORACLE, people("eve", 3, USD=1000.0, ETH=2.0))


def test_nothing_in_a_view_can_be_written():
    world = make_world(*EVERYTHING)
    view = seen_by("eve", world)
    lending = view.quotes["aave"]
    arrays = [view.prices, view.accounts, view.balance(0), view.health("aave"), view.history(1, 3)]
    arrays += [field for field in lending if isinstance(field, np.ndarray)]
    assert len(arrays) == 16
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1
    with pytest.raises(TypeError):
        view.quotes["aave"] = None


def test_a_quote_kept_from_an_earlier_tick_does_not_change():
    world = make_world(
        STILL, DEPTH, LENDING, ORACLE,
        people("b", USD=1e4, ETH=10.0, opens='[["deposit", "aave", "USD", 9000.0], ["deposit", "aave", "ETH", 5.0], '
                                              '["borrow", "aave", "USD", 8000.0]]'),
    )  # fmt: skip
    view = seen_by("b", world)
    kept = view.quotes["aave"]
    before = [np.array(field) for field in kept]
    run(world, 5)
    assert view.quotes["aave"].borrow_index[1] > kept.borrow_index[1]
    assert all(np.array_equal(now, then) for now, then in zip(kept, before, strict=True))


def test_what_an_account_sees_is_its_own():
    world = make_world(STILL, DEPTH, people("ann", 2, USD=10.0), people("bob", 1, USD=70.0))
    ann, bob = seen_by("ann", world), seen_by("bob", world)
    assert (ann.n, bob.n) == (2, 1)
    assert ann.balance(0).tolist() == [10_000_000, 10_000_000]
    assert bob.balance(0).tolist() == [70_000_000]
    assert ann.spendable(1).tolist() == [0, 0]  # the allowance for gas is kept back
    assert ann.balance(1).tolist() == [world.gas_reserve] * 2
    assert ann.spendable(1, np.array([1])).tolist() == [0]
    assert (ann.native, ann.gas_reserve, ann.balances.shape) == (1, world.gas_reserve, (len(world.tokens), 2))
    assert ann.atom_prices == pytest.approx([1e-6, 2000.0 / 1e8])
    assert bob.wealth() == pytest.approx([70.0 + 0.5 * 2000.0])
    assert (ann.token("ETH"), ann.decimals(1), ann.venue("market")) == (1, 8, 0)


def with_settings(text, **settings):
    return text + "".join(f"{key} = {value}\n" for key, value in settings.items())


def test_delay_shows_old_prices():
    late = with_settings(people("late"), observation_delay=3)
    world = make_world(WILD, DEPTH, late, people("prompt"))
    run(world, 8)
    prices = world.prices.history
    view = seen_by("late", world)
    assert np.array_equal(view.prices, prices[7 - 3])
    assert np.array_equal(view.history(1, 2), prices[2:5, 1])
    assert np.array_equal(seen_by("prompt", world).history(1, 99), prices[:8, 1])
    assert np.array_equal(view.history(1, 99), prices[:5, 1])


def test_noise_is_relative_has_its_size_and_spares_the_numeraire():
    noisy = with_settings(people("noisy"), observation_noise=0.02)
    world = make_world(STILL, DEPTH, noisy, people("clear"), sets=["run.ticks=1500", "record.checks=off"])
    view, errors = seen_by("noisy", world), []
    while world.clock.tick < 1499:
        world.clock.tick += 1
        look(world)
        assert view.prices[0] == 1.0
        errors.append(np.log(view.prices[1] / world.prices.history[world.clock.tick, 1]))
    assert np.std(errors) == pytest.approx(0.02, rel=0.08)
    assert abs(np.mean(errors)) < 4 * 0.02 / np.sqrt(1500)
    assert seen_by("clear", world).prices[1] == pytest.approx(2000.0)


def test_noise_cannot_be_looked_up_around_in_the_history():
    noisy = with_settings(people("noisy"), observation_noise=0.02, observation_delay=2)
    world = make_world(WILD, DEPTH, noisy)
    view, seen = seen_by("noisy", world), []
    for tick in range(6):
        world.clock.tick = tick
        look(world)
        seen.append(view.prices[1])
        look(world)
        assert view.prices[1] == seen[-1]  # a second look in the same tick sees the same
    assert seen[0] == seen[1] == seen[2]  # tick 0 is all there is to see until the delay has passed
    assert view.history(1, 3).tolist() == seen[-4:]


def test_gas_price_and_causes_are_those_of_now():
    world = make_world(WILD, DEPTH, people("eve"))
    run(world, 4)
    view = seen_by("eve", world)
    assert view.gas_price == world.chain.base_fee
    assert world.events.column("token")[view.cause(1)] == 1
    assert view.value(1) == pytest.approx(world.prices.history[3, 1])


def test_accounts_know_which_of_their_own_transactions_wait():
    world = make_world(STILL, AMM, people("ann", 3, ETH=5.0), people("bob", 1, ETH=5.0))
    ann, bob = (actor for actor in world.actors if actor.population.name in ("ann", "bob"))
    assert not ann.view.pending().any()
    for actor, rows in ((bob, [0]), (ann, [2, 0])):
        swap = Intent(Act.SWAP, 0, actor.view.accounts[rows], 1, 10, token2=0)
        world.submit(actor, [swap])
    assert ann.view.pending().tolist() == [True, False, True]
    assert ann.view.pending(Act.SWAP).tolist() == [True, False, True]
    assert not ann.view.pending(Act.LIQUIDATE).any()
    assert bob.view.pending().tolist() == [True]
    world.chain.waiting.clear()
    assert not ann.view.pending().any()
