"""The loss waterfall: what happens to accounts below their maintenance margin, step by step as configured."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from protocols.perps.adl import deleverage
from protocols.perps.desk import Desk
from protocols.perps.liquidation import close, take_over
from sim.events import Kind

if TYPE_CHECKING:
    from protocols.perps.venue import Perpetuals
    from sim.world import World

Ints = NDArray[np.int64]
Step = Literal["market", "backstop", "insurance", "adl", "socialise"]
STEPS: tuple[str, ...] = get_args(Step)


def faults(steps: list[Step], backstop: bool) -> list[tuple[str, str]]:
    """What is wrong with a configured waterfall, as (field, message)."""
    found = []
    shown = ", ".join(steps)
    if len(set(steps)) != len(steps):
        found.append(("waterfall", f"found {shown}; every step is taken once"))
    if not steps or steps[0] != "market":
        found.append(("waterfall", f"found {shown or 'nothing'}; the first step is market"))
    if "socialise" in steps[:-1]:
        found.append(("waterfall", f"found {shown}; socialise can only be the last step"))
    if ("backstop" in steps) != backstop:
        what = "a [backstop] table" if "backstop" in steps else "the step backstop in the waterfall"
        found.append(("backstop", f"a backstop vault needs both its terms and its step; add {what}"))
    return found


class Waterfall:
    """Runs the steps of one venue and keeps the shortfalls that wait for the contagion phase.

    market: positions are closed in the book, at no worse than their bankruptcy price. backstop: accounts below the
    vault's threshold go to it, as far as it can carry them; those above whom the market does not take wait. insurance:
    the fund takes accounts over at their bankruptcy price while it can carry them, and pays shortfalls. adl: positions
    are closed against opposing ones. Whoever passes all steps is closed in the market at any price. socialise: what
    accounts owe after that is shared out.
    """

    def __init__(self, venue: "Perpetuals") -> None:
        self.venue = venue
        self.pending: list[tuple[Desk, int, int]] = []
        """Desk, account and causing event of each shortfall."""
        self._steps: dict[str, Callable[[World, Desk, Ints], tuple[Ints, bool]]] = {
            "market": self._market,
            "backstop": self._backstop,
            "insurance": self._insurance,
            "adl": self._adl,
            "last": lambda world, desk, accounts: close(world, desk, accounts, limited=False),
        }

    def run(self, world: "World", desk: Desk) -> bool:
        """One liquidation round of a desk whose equity is up to date; True if anything happened."""
        start = breached = desk.breached()
        acted = self._house(world, desk)
        for step in [*self.venue.waterfall, "last"]:
            if not breached.size:
                break
            if step == "socialise":
                continue
            breached, did = self._steps[step](world, desk, breached)
            if did:
                acted = True
                desk.evaluate(world)
                accounts = desk.accounts
                still = accounts.open[breached] & (accounts.equity[breached] < accounts.maintenance[breached])
                breached = breached[still]
        if acted:
            self._note_shortfalls(world, desk, start)
        return acted

    # Steps: each takes accounts and returns those that go on to the next -------------------------------------------

    def _market(self, world: "World", desk: Desk, accounts: Ints) -> tuple[Ints, bool]:
        equity = desk.accounts.equity[accounts]
        waiting = desk.waits[accounts] > world.clock.tick
        vault = self.venue.backstop
        if vault is None:
            failed, acted = close(world, desk, accounts[~waiting])
            return np.concatenate([failed, accounts[waiting & (equity <= 0.0)]]), acted
        low = equity < vault.threshold * desk.accounts.maintenance[accounts]
        _, acted = close(world, desk, accounts[~waiting & ~low])
        return accounts[low], acted

    def _backstop(self, world: "World", desk: Desk, accounts: Ints) -> tuple[Ints, bool]:
        return take_over(world, desk, accounts, self.venue.account, Kind.BACKSTOP)

    def _insurance(self, world: "World", desk: Desk, accounts: Ints) -> tuple[Ints, bool]:
        return take_over(world, desk, accounts, desk.accounts.fund, Kind.BACKSTOP)

    def _adl(self, world: "World", desk: Desk, accounts: Ints) -> tuple[Ints, bool]:
        left, start = [], world.events.count
        for account in accounts[np.argsort(self.venue.keys(world)[accounts])].tolist():
            before = world.events.count
            if not deleverage(world, desk, account, int(desk.breach[account])):
                left.append(account)
            if world.events.count > before:
                desk.evaluate(world)
        return np.array(sorted(left), dtype=np.int64), world.events.count > start

    def _house(self, world: "World", desk: Desk) -> bool:
        """The vault and the fund are closed like everybody else once they fail, but nobody takes them over."""
        accounts, acted = desk.accounts, False
        for account in desk.failing_house().tolist():
            before = world.events.count
            if accounts.equity[account] < 0.0 and "adl" in self.venue.waterfall:
                deleverage(world, desk, account, int(desk.breach[account]))
            else:
                close(world, desk, np.array([account]), limited=False)
            desk.evaluate(world)
            acted |= world.events.count > before
            if account == accounts.fund:
                self._note_shortfalls(world, desk, np.array([account]))
        return acted

    # Shortfalls ------------------------------------------------------------------------------------------------------

    def _note_shortfalls(self, world: "World", desk: Desk, accounts: Ints) -> None:
        """Remember which of these accounts are closed and owe more than they have."""
        waiting = {account for other, account, _ in self.pending if other is desk}
        short = accounts[world.ledger.balance[desk.accounts.quote, accounts] < 0]
        desk.square(world, short, world.events.count - 1)
        short = short[desk.flat(world, short)]
        for account in short[world.ledger.balance[desk.accounts.quote, short] < 0].tolist():
            if account not in waiting and account not in desk.stranded:
                self.pending.append((desk, account, int(desk.breach[account])))

    def absorb(self, world: "World") -> bool:
        """Send shortfalls down the rest of the waterfall; True if there were any."""
        pending, self.pending = self.pending, []
        for desk, account, cause in pending:
            self._absorb(world, desk, account, cause)
        return bool(pending)

    def _absorb(self, world: "World", desk: Desk, account: int, cause: int) -> None:
        accounts, market = desk.accounts, self.venue.collateral_market
        if market is not None:
            accounts.sell_collateral(world, account, world.protocol(market).index, cause)
            desk.square(world, np.array([account]), cause)
        owed = accounts.shortfall(world, account)
        if not owed:
            return
        usd = owed * float(world.prices.atom_price[accounts.token])
        event = world.events.add(
            Kind.BAD_DEBT, self.venue.account, account, self.venue.index, accounts.token, owed, usd, cause
        )
        for step in self.venue.waterfall:
            if step == "insurance" and account != accounts.fund:
                accounts.pay_from_fund(world, account, event)
            elif step == "socialise":
                accounts.socialise(world, account, event)
        if accounts.shortfall(world, account):
            desk.stranded = np.append(desk.stranded, account)
            self.count_lost(world, desk)

    def count_lost(self, world: "World", desk: Desk) -> None:
        """What nobody stands for any more lowers the value of every margin claim."""
        if desk.stranded.size:
            desk.square(world, desk.stranded, 0)
            owed = -world.ledger.balance[desk.accounts.quote, desk.stranded]
            desk.stranded = desk.stranded[(owed > 0) & desk.flat(world, desk.stranded)]
        owed = -world.ledger.balance[desk.accounts.quote, desk.stranded]
        desk.accounts.lost = float(owed.sum())
