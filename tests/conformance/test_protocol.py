"""What every registered protocol must do, whoever sends it whatever."""

import numpy as np
import pytest

from experiments.build import build
from sim import exposure
from sim.events import PAUSED, REVERTED, Kind
from sim.intents import ALL, Act, Intent
from sim.interfaces import Protocol
from sim.model import SpilloverModel
from sim.registry import kinds, lookup, summary
from sim.tokens import TokenKind
from tests.town import history, town
from tests.worlds import events_of, load_components

load_components()
KINDS = kinds("protocol")
OF_ORDERS = (
    Kind.SWAP, Kind.DEPOSIT, Kind.WITHDRAW, Kind.REPAY, Kind.LIQUIDATION, Kind.ADD_LIQUIDITY, Kind.TRADE, Kind.ORDER,
    Kind.QUOTE, Kind.MINT, Kind.REDEEM,
)  # fmt: skip
"""What orders that are carried out leave in the log."""


def of_kind(world, kind):
    found = [protocol for protocol in world.protocols if type(protocol).kind == kind]
    assert found, f"put a {kind} into tests/town.py"
    return found[0]


def nonsense(rng, world, protocol):
    """A script that sends the protocol every act it accepts, with random tokens, amounts, limits and victims.

    Half of the tokens are its own or what they stand for, so that some orders make sense.
    """
    own = [token for token in world.tokens.rows if token.issuer == protocol.account]
    near = [token.index for token in own] + [token.underlying for token in own if token.underlying >= 0] or [0]

    def script(view, draws):
        sent = []
        for act in protocol.accepts:
            tokens = np.where(rng.random(2) < 0.5, rng.integers(0, len(world.tokens), 2), rng.choice(near, 2))
            amount = rng.choice([0, 1, 7, int(np.exp(rng.uniform(0, 28))), ALL, -3, 2**62], view.n)
            limit = float(rng.choice([0.0, 1e-9, 1.0, 1e9]))
            subject = int(rng.integers(1, world.accounts.count))
            first, second = int(tokens[0]), int(rng.choice([tokens[1], 0, 1]))
            sent.append(Intent(act, protocol.index, view.accounts, first, amount, second, 4, limit, 5.0, 0, subject))
        return sent

    return script


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_a_protocol_that_says_what_it_does(kind):
    cls = lookup("protocol", kind)
    assert issubclass(cls, Protocol)
    assert len(summary(cls)) > 20
    assert cls.accepts
    assert set(cls.accepts) <= set(Act)
    assert cls.reasons[0] == "done"
    assert len(set(cls.reasons)) == len(cls.reasons) > 1
    assert cls.execute is not Protocol.execute


@pytest.mark.parametrize("kind", KINDS)
def test_it_owns_an_account_and_issues_its_own_tokens(kind):
    world = history()
    protocol = of_kind(world, kind)
    assert world.accounts.owner_of(protocol.account).name == protocol.name
    for token in world.tokens.rows:
        if token.kind != TokenKind.BASE and token.name.startswith(f"{protocol.name}."):
            assert token.issuer == protocol.account
            assert np.isfinite(protocol.unit_value(world, token.index, world.prices.values))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_nonsense_breaks_nothing(kind, seed):
    world = build(town(sets=("run.ticks=15", "chain.gas_limit=1e9"), without=("noise",)))
    protocol = of_kind(world, kind)
    rng = np.random.default_rng([seed, protocol.index])
    world.population("vandal").script = nonsense(rng, world, protocol)
    SpilloverModel(world).run()  # conservation, signs, attribution and causality are checked at every tick
    assert np.array_equal(world.ledger.replay(), world.ledger.balance)
    failed = events_of(world, Kind.TX_FAILED)
    mine = [value for value, venue in zip(failed["value"], failed["protocol"], strict=True) if venue == protocol.index]
    assert len(mine) > 10
    assert all(value in (REVERTED, PAUSED) or 1 <= value < len(protocol.reasons) for value in mine)


@pytest.mark.parametrize("kind", KINDS)
def test_one_event_per_order_and_every_posting_names_one_of_its_own(kind):
    world = build(town(sets=("run.ticks=14",)))
    protocol = of_kind(world, kind)
    world.population("vandal").script = nonsense(np.random.default_rng(1), world, protocol)
    rows, execute, room, book = [], protocol.execute, [0], world.ledger.book

    def asked(postings):
        room[0] += postings
        return book(postings)

    def counted(world_, ints, reals):
        room[0] = 0
        first, postings = world.events.count, world.ledger.postings
        done = execute(world_, ints, reals)
        made, actors = world.events.column("protocol")[first:], world.events.column("actor")[first : first + len(ints)]
        assert world.ledger.postings - postings <= room[0], "the kernel wrote more postings than it asked room for"
        causes = world.ledger.journal()[postings:, 0]
        rows.append(len(ints))
        assert world.events.count - first >= len(ints)
        assert (made == protocol.index).all()
        assert sorted(actors.tolist()) == sorted(ints[:, 2].tolist())
        assert causes.size == 0 or (causes.min() >= first and causes.max() < world.events.count)
        kinds_ = world.events.column("kind")[first : first + len(ints)]
        assert done == np.count_nonzero(kinds_ != Kind.TX_FAILED)
        return done

    protocol.execute, world.ledger.book = counted, asked
    SpilloverModel(world).run()
    assert sum(rows) > 20


@pytest.mark.parametrize("kind", KINDS)
def test_refused_orders_move_nothing(kind):
    world = build(town(sets=("run.ticks=14",)))
    protocol = of_kind(world, kind)
    world.population("vandal").script = nonsense(np.random.default_rng(2), world, protocol)
    SpilloverModel(world).run()
    net = np.zeros((world.events.count, len(world.tokens), world.accounts.count), dtype=np.int64)
    event, token, src, dst, amount = world.ledger.journal().T
    np.subtract.at(net, (event, token, src), amount)
    np.add.at(net, (event, token, dst), amount)
    assert not net[world.events.where(Kind.TX_FAILED)].any()


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_owes_is_backed_by_what_it_has(kind):
    world = history()
    protocol = of_kind(world, kind)
    exposure.revalue(world)
    wealth = exposure.wealth_by_account(world)[protocol.account]
    owned = np.maximum(world.ledger.balance[:, protocol.account], 0) @ world.prices.atom_values
    assert wealth >= -1e-9 * owned
    assert wealth <= 1e-3 * owned + 1.0


@pytest.mark.parametrize("kind", KINDS)
def test_its_quote_is_public_and_names_its_venue(kind):
    world = history()
    protocol = of_kind(world, kind)
    assert world.quotes[protocol.name].venue == protocol.index


@pytest.mark.parametrize("kind", KINDS)
def test_while_paused_it_takes_no_orders_and_carries_on_after(kind):
    world = build(town(sets=("chain.gas_limit=1e9",)))
    protocol = of_kind(world, kind)
    world.population("vandal").script = nonsense(np.random.default_rng(3), world, protocol)
    model = SpilloverModel(world)
    while model.running:
        protocol.paused = int(16 <= model.tick < 24)
        model.step()
    events = world.events
    sent = (events.column("protocol") == protocol.index) & (events.column("actor") != protocol.account)
    tick, failed = events.column("tick"), events.column("kind") == Kind.TX_FAILED
    paused = failed & (events.value == PAUSED)
    assert set(tick[sent & paused].tolist()) == set(range(16, 24))
    done = set(tick[sent & np.isin(events.column("kind"), OF_ORDERS)].tolist())
    assert not done & set(range(16, 24))
    assert max(done) >= 24
