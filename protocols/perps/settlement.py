"""What a contract pays by the clock: funding of perpetuals, settlement of dated contracts."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from protocols.perps import funding
from protocols.perps.contracts import HOUR, Contract
from protocols.perps.desk import Desk
from sim.events import Kind
from sim.flows import OUTSIDE, Motive

if TYPE_CHECKING:
    from sim.world import World

Ints = NDArray[np.int64]


def pay_funding(world: "World", desk: Desk, contract: Contract) -> None:
    """Settle one funding interval at the index price; what rounding leaves goes to the insurance fund."""
    terms = contract.settings.funding
    hours = terms.interval / HOUR
    rate = funding.funding_rate(contract.average.take(), terms.interest, terms.clamp)
    contract.rate = float(funding.rate_over(rate, hours, terms.cap))
    worth = contract.unit / contract.index if contract.inverse else contract.unit * contract.index
    received = np.empty(world.accounts.count, dtype=np.int64)
    row = world.ledger.balance[contract.token]
    funding.funding_payments(row, contract.rate * worth, received)
    contract.funding_event = world.events.add(
        Kind.FUNDING,
        protocol=desk.venue.index,
        token=contract.token,
        amount=-int(received[row > 0].sum()),
        value=contract.rate,
    )
    desk.funding -= received
    through_fund(world, desk, desk.accounts.quote, received, contract.funding_event)


def through_fund(world: "World", desk: Desk, token: int, received: Ints, event: int) -> None:
    """Pay everybody `received` atoms of a contract row, of either sign; the insurance fund is on the other side."""
    fund = desk.accounts.fund
    payers, payees = np.flatnonzero(received < 0), np.flatnonzero(received > 0)
    payers, payees = payers[payers != fund], payees[payees != fund]
    if payers.size:
        world.ledger.move(token, payers, fund, -received[payers], event)
    if payees.size:
        world.ledger.move(token, fund, payees, received[payees], event)


def expire(world: "World", desk: Desk, contract: Contract) -> None:
    """Close every position at the settlement price, the mean index before expiry; the basis is zero from then on."""
    price = contract.settlement_price()
    numeraire = 10.0 ** world.tokens.rows[0].decimals
    event = world.events.add(
        Kind.EXPIRY, protocol=desk.venue.index, token=contract.token, amount=round(price * numeraire), value=price
    )
    _bring_to(world, contract, price, event)
    row = world.ledger.balance[contract.token]
    holders, received = np.flatnonzero(row), np.empty(row.size, dtype=np.int64)
    funding.funding_payments(row, -contract.value(price), received)
    fund = desk.accounts.fund
    received[fund] = 0
    through_fund(world, desk, desk.accounts.quote, received, event)
    through_fund(world, desk, contract.token, np.where(np.arange(row.size) == fund, 0, -row), event)
    desk.cash += received
    contract.cost[:] = 0
    contract.settled, contract.rate = True, 0.0
    desk.square(world, holders, event)
    desk.evaluate(world)


def _bring_to(world: "World", contract: Contract, price: float, event: int) -> None:
    """End the market at the settlement price."""
    book = contract.book
    before = book.log_price()
    book.x = book.rest = 0.0
    book.anchor, contract.index, contract.mark, contract.basis = float(np.log(price)), price, price, 0.0
    world.flows.credit(contract.market, OUTSIDE, Motive.INDEX, book.log_price() - before, event)
    world.prices.log_market[contract.market] = book.log_price()
