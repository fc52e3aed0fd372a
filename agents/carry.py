"""Carry funds: long the coin, short its perpetual, for as long as funding and basis pay for it."""

import math
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from agents.shared.cadence import on_turn, phases, ticks_in
from agents.shared.reactions import draw_delays, range_faults, ready
from agents.shared.sizes import Sizes
from agents.shared.state import column
from agents.shared.trading import NUMERAIRE, usd_to_atoms
from sim.errors import ConfigError
from sim.events import Kind
from sim.fields import AssetName, Count, Duration, NonNegative, Positive, ProtocolName, Share
from sim.flows import Motive
from sim.intents import Act, Flag, Intent
from sim.interfaces import Endowment, Population
from sim.math.search import largest_fitting
from sim.quotes import ContractQuote, FuturesQuote, MarketQuote
from sim.registry import component
from sim.rng import Draws
from sim.units import SECONDS_PER_YEAR
from sim.views import View

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
_ANY = 1e12
"""Price that accepts whatever is asked."""
_LOST = (Kind.DELEVERAGE, Kind.LIQUIDATION, Kind.BACKSTOP)
_KEPT = 0.98
"""Part of wealth that both legs may take up; the rest pays fees."""


class Books(NamedTuple):
    """Own accounts, (n,) each: coins held and sold short, USD in the wallet and at the venue of the perpetual."""

    spot: Floats
    short: Floats
    cash: Floats
    equity: Floats


@dataclass
class _Plan:
    """What accounts do in a tick, (n,) each: USD into margin (below zero: out), coins bought or sold on each leg."""

    margin: Floats
    perp: Floats
    spot: Floats
    forced: NDArray[np.bool_]
    """Whose trades take any price."""


@component("population", "carry")
class Carry(Population):
    """Hold coin against an equal short perpetual while expected carry pays, and unwind when it no longer does.

    Carry per year = funding (averaged over `memory`) + basis / horizon - cost of money - round-trip fees / horizon.
    An account enters above its `enter`, leaves below its `leave`, and in between holds
    wealth * min(cap, appetite * (carry - leave)). What is left naked when a short was liquidated or deleveraged is sold
    after the account's delay.
    """

    risk = "counterparty"

    asset: AssetName
    """The coin."""
    spot_venue: ProtocolName
    perp_venue: ProtocolName
    financing: ProtocolName | None = None
    """Lending pool whose borrow rate of the numeraire is the cost of money; free if left out."""
    capital_usd: Sizes = field(default_factory=lambda: Sizes(median=2_000_000.0, spread=0.5))
    """What they start with, in cash, a part of it at the venue of the perpetual."""
    enter: tuple[float, float] = (0.08, 0.12)
    """Carry per year above which an account enters: its own, drawn uniformly between these two."""
    leave: tuple[float, float] = (0.02, 0.04)
    """Carry per year below which it leaves: drawn likewise."""
    appetite: Positive = 10.0
    """Share of wealth held per unit of carry beyond the exit."""
    cap: Share = 1.0
    """Largest share of wealth in both legs."""
    leverage: tuple[Positive, Positive] = (1.0, 3.0)
    """Notional of the short over its margin, when it is set: drawn likewise."""
    margin_floor: Share = 0.15
    """Margin over notional below which cash is added, and both legs are cut if there is not enough."""
    memory: Duration = Duration(86_400.0)
    """Half-life of the average of funding."""
    horizon: Duration = Duration(7 * 86_400.0)
    """Time over which the basis is expected to vanish and fees are written off."""
    every: Duration = Duration(3_600.0)
    """How often an account reviews its size; margin and lost hedges are watched at every tick."""
    tolerance: Share = 0.05
    """Relative distance from the wanted size that is left alone."""
    delta_band: Share = 0.01
    """Part of the position that may stand unhedged."""
    reaction_delay: tuple[Count, Count] = (0, 2)
    """Ticks between losing a hedge and selling the coin: drawn likewise."""
    slippage: Share = 0.01
    """Largest accepted distance of an average price from the mid price, for trades that can wait."""
    tip: NonNegative = 2.0
    """Priority bid in gwei."""
    least_usd: Annotated[float, Ge(0.0)] = 100.0
    """USD below which nothing is worth a transaction."""

    enters: Floats = column()
    leaves: Floats = column()
    lever: Floats = column()
    phase: Floats = column()
    delay: NDArray[np.int64] = column(np.int64)
    due: NDArray[np.int64] = column(np.int64)
    """(n,) tick at which a naked account sells."""
    handled: NDArray[np.int64] = column(np.int64)
    """(n,) event that took the last hedge that was put right again."""
    running: NDArray[np.bool_] = column(np.bool_)
    """(n,) who is in."""
    funding: float = field(default=0.0, init=False)
    """Average of funding, per year."""
    _seen: int = field(default=-2, init=False, repr=False)

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        names = ("enter", "leave", "leverage", "reaction_delay")
        faults = [fault for name in names for fault in range_faults(name, getattr(self, name))]
        if self.leave[1] > self.enter[0]:
            text = f"reaches up to {self.leave[1]:g}; must not pass the lowest entry, {self.enter[0]:g}"
            faults.append(("leave", text))
        if self.margin_floor * self.leverage[1] >= 1.0:
            text = f"found {self.margin_floor:g}; must be below 1 / {self.leverage[1]:g}, the least margin at entry"
            faults.append(("margin_floor", text))
        return faults

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Cash, of which what the short will need is at its venue; thresholds, leverage, delays."""
        n, quote = self.count, view.quotes[self.perp_venue]
        contract, _ = self._look_up(view)
        wealth = self.capital_usd.draw(n, rng)
        self.enters, self.leaves = rng.uniform(*self.enter, size=n), rng.uniform(*self.leave, size=n)
        self.lever = rng.uniform(*self.leverage, size=n)
        self.delay, self.due = draw_delays(rng, n, self.reaction_delay), np.full(n, -1, dtype=np.int64)
        self.phase, self.handled = phases(self.labels), np.zeros(n, dtype=np.int64)
        self.running = np.zeros(n, dtype=np.bool_)
        margin = np.maximum(usd_to_atoms(view, NUMERAIRE, _KEPT * self.cap * wealth / (1.0 + self.lever)), 1)
        deposit = Intent(Act.DEPOSIT, quote.venue, view.accounts, NUMERAIRE, margin, contract.contract, Motive.SETUP)
        return Endowment(balances={NUMERAIRE: usd_to_atoms(view, NUMERAIRE, wealth)}, intents=[deposit])

    def _look_up(self, view: View) -> tuple[ContractQuote, MarketQuote]:
        """The contract and the market of the coin; ConfigError if there is none that fits."""
        quote, coin = view.quotes[self.perp_venue], view.token(self.asset)
        contract = quote.contract(coin) if isinstance(quote, FuturesQuote) else None
        if contract is None or contract.inverse or quote.margin_asset != NUMERAIRE:
            raise ConfigError(
                f'population "{self.name}": "{self.perp_venue}" has no linear perpetual on {self.asset} margined in '
                "the numeraire"
            )
        market = view.quotes[self.spot_venue].market(coin)
        if market is None:
            raise ConfigError(f'population "{self.name}": {self.asset} does not trade on "{self.spot_venue}"')
        return contract, market

    # Deciding --------------------------------------------------------------------------------------------------------

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Sell what is naked, see to margin, and review the size of those whose turn it is."""
        contract, market = self._look_up(view)
        self._average(view, contract)
        books, zero = self.books(view, contract), np.zeros(self.count)
        plan = _Plan(zero.copy(), zero.copy(), zero.copy(), np.zeros(self.count, dtype=np.bool_))
        free = ~view.pending()
        uneven = free & self._even_out(view, books, plan)
        short = free & ~uneven & self._see_to_margin(books, plan, contract.mark, free & ~uneven)
        turn = on_turn(view.tick, self.phase, ticks_in(view, self.every)) & free & ~uneven & ~short
        if turn.any():
            self._review(view, np.flatnonzero(turn), books, plan, contract, market)
        return self._intents(view, plan, contract, market)

    def _average(self, view: View, contract: ContractQuote) -> None:
        """One step of the average of funding per tick."""
        if self._seen < 0:
            self.funding = contract.funding
        elif view.tick > self._seen:
            weight = 1.0 - 0.5 ** (1.0 / ticks_in(view, self.memory))
            self.funding += weight * (contract.funding - self.funding)
        self._seen = view.tick

    def carry(self, view: View, contract: ContractQuote, market: MarketQuote) -> float:
        """Expected carry per year of notional."""
        basis, fees = contract.price / market.price - 1.0, 2.0 * (contract.fee + market.fee)
        return self.funding + (basis - fees) * SECONDS_PER_YEAR / self.horizon - self._cost_of_money(view)

    def _cost_of_money(self, view: View) -> float:
        if self.financing is None:
            return 0.0
        pool = view.quotes[self.financing]
        return float(pool.borrow_rate[pool.reserve(NUMERAIRE)])

    def books(self, view: View, contract: ContractQuote) -> Books:
        """Own positions; equity as of the last mark."""
        coin, cents = view.token(self.asset), 10.0 ** view.decimals(NUMERAIRE)
        return Books(
            view.spendable(coin) / 10.0 ** view.decimals(coin),
            -view.balance(contract.contract) / 10.0 ** view.decimals(contract.contract),
            view.spendable(NUMERAIRE) / cents,
            view.margin(self.perp_venue, contract.contract).equity / cents,
        )

    def _even_out(self, view: View, books: Books, plan: _Plan) -> NDArray[np.bool_]:
        """Trade the difference of the legs: perpetuals bought back at once, naked coin sold after the delay."""
        gap = books.spot - books.short
        uneven = np.abs(gap) > self.delta_band * np.maximum(books.spot, books.short)
        uneven &= np.abs(gap) * view.prices[view.token(self.asset)] > self.least_usd
        self.handled = np.where(uneven, self.handled, self._losses(view))
        naked = np.flatnonzero(uneven & (gap > 0.0))
        naked = naked[ready(naked, view.tick, self.delay, self.due)]
        plan.spot[naked] = -gap[naked]
        over = uneven & (gap < 0.0)
        plan.perp[over] = -gap[over]
        plan.forced |= over
        plan.forced[naked] = True
        return uneven

    def _losses(self, view: View) -> NDArray[np.int64]:
        """(n,) event that last took a part of each short away."""
        return np.max([view.last_event(kind) for kind in _LOST], axis=0)

    def _see_to_margin(self, books: Books, plan: _Plan, mark: float, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Add cash where margin is below the floor; where that is not enough, cut both legs."""
        notional = books.short * mark
        low = rows & (books.short > 0.0) & (books.equity < self.margin_floor * notional)
        wanted = np.maximum(notional / self.lever - books.equity, 0.0)
        added = np.minimum(wanted, books.cash)
        afford = np.maximum(books.equity + added, 0.0) * self.lever
        cut = np.where(added < wanted, np.maximum(notional - afford, 0.0) / mark, 0.0)
        plan.margin[low], plan.perp[low], plan.spot[low] = added[low], cut[low], -cut[low]
        plan.forced |= low
        return low

    def _review(
        self, view: View, rows: Rows, books: Books, plan: _Plan, contract: ContractQuote, market: MarketQuote
    ) -> None:
        """Trade towards the wanted size; fetch idle margin back when the wallet cannot pay for the coin."""
        spot, short, cash, equity = (values[rows] for values in books)
        carry = self.carry(view, contract, market)
        units = 10.0 ** view.decimals(view.token(self.asset)), 10.0 ** view.decimals(NUMERAIRE)
        self.running[rows] = np.where(self.running[rows], carry > self.leaves[rows], carry > self.enters[rows])
        wealth = spot * market.price + cash + equity
        per_coin = market.price + contract.mark / self.lever[rows]
        share = np.minimum(self.cap, self.appetite * (carry - self.leaves[rows]))
        target = np.where(self.running[rows], np.maximum(share, 0.0), 0.0) * _KEPT * wealth / per_coin
        wanted = target - short
        small = np.abs(wanted) <= self.tolerance * np.maximum(target, short)
        wanted[small | (np.abs(wanted) * contract.mark < self.least_usd)] = 0.0
        per_spot, per_short = market.price * (1.0 + self.slippage), contract.mark / self.lever[rows]
        liquid = np.minimum((cash + equity - short * per_short) / (per_spot + per_short), cash / per_spot)
        afford = np.minimum(wanted, np.maximum(liquid, 0.0))
        gap = afford * self._part(contract, market, units, math.fsum(afford))
        margin = (short + gap) * per_short - equity
        adds, starved = (gap > 0.0) & (margin > 0.0), (afford < wanted) & (margin < 0.0)
        plan.perp[rows], plan.spot[rows] = -gap, gap
        plan.margin[rows] = np.where(adds, np.minimum(margin, cash), np.where(starved, margin, 0.0))

    def _part(self, contract: ContractQuote, market: MarketQuote, units: tuple[float, float], net: float) -> float:
        """Part of trades that buy `net` coins together which keeps average prices of both legs within the slippage.

        units: atoms per coin and per USD.
        """
        sign = 1.0 if net > 0.0 else -1.0
        worst_perp = contract.price * (1.0 - sign * self.slippage)
        worst_spot = market.price * (1.0 + sign * self.slippage)

        def fits(part: float) -> bool:
            atoms = int(part * units[0])
            usd = market.cost(atoms) if net > 0.0 else market.sell(atoms)
            average = np.inf if usd is None else usd / units[1] / max(atoms / units[0], 1e-300)
            good_spot = atoms == 0 or sign * average <= sign * worst_spot
            return bool(good_spot and sign * contract.average_price(-sign * part) >= sign * worst_perp)

        return largest_fitting(abs(net), fits) / abs(net) if net else 1.0

    # Orders ----------------------------------------------------------------------------------------------------------

    def _intents(self, view: View, plan: _Plan, contract: ContractQuote, market: MarketQuote) -> list[Intent]:
        venue, cents = view.quotes[self.perp_venue].venue, 10.0 ** view.decimals(NUMERAIRE)
        lost = self._losses(view)
        lost[lost <= self.handled] = 0
        cause = np.where(lost > 0, lost, view.cause(view.token(self.asset)))
        motive = np.where(plan.forced, Motive.UNWIND, Motive.CARRY)
        sent: list[Intent] = []
        for act, usd in ((Act.DEPOSIT, plan.margin), (Act.WITHDRAW, -plan.margin)):
            atoms = (usd * cents).astype(np.int64)
            for why, rows in _grouped(motive, atoms):
                tip = self.tip + (1.0 if act == Act.DEPOSIT else 0.0)  # margin arrives before what needs it
                sent.append(
                    Intent(
                        act,
                        venue,
                        view.accounts[rows],
                        NUMERAIRE,
                        atoms[rows],
                        contract.contract,
                        why,
                        0.0,
                        tip,
                        cause[rows],
                    )
                )
        sent += self._perp_leg(view, plan, contract, motive, cause)
        return sent + self._spot_leg(view, plan, market, motive, cause)

    def _perp_leg(
        self, view: View, plan: _Plan, contract: ContractQuote, motive: NDArray[np.int64], cause: NDArray[np.int64]
    ) -> list[Intent]:
        venue, unit, sent = view.quotes[self.perp_venue].venue, 10.0 ** view.decimals(contract.contract), []
        for act, coins in ((Act.SELL, -plan.perp), (Act.BUY, plan.perp)):
            atoms, worst = (coins * unit).astype(np.int64), contract.price
            worst *= 1.0 - self.slippage if act == Act.SELL else 1.0 + self.slippage
            limit = np.where(plan.forced, 0.0 if act == Act.SELL else _ANY, worst)
            flag = int(Flag.NONE if act == Act.SELL else Flag.REDUCE_ONLY)
            for why, rows in _grouped(motive, atoms):
                sent.append(
                    Intent(
                        act, venue, view.accounts[rows], contract.contract, atoms[rows], -1, why, limit[rows], self.tip,
                        cause[rows], flag,
                    )
                )  # fmt: skip
        return sent

    def _spot_leg(
        self, view: View, plan: _Plan, market: MarketQuote, motive: NDArray[np.int64], cause: NDArray[np.int64]
    ) -> list[Intent]:
        coin, venue, sent = view.token(self.asset), view.quotes[self.spot_venue].venue, []
        sold = (-plan.spot * 10.0 ** view.decimals(coin)).astype(np.int64)
        wanted = (plan.spot * 10.0 ** view.decimals(coin)).astype(np.int64)
        total = int(np.maximum(wanted, 0).sum())
        cost = market.cost(total) if total else 0
        spent = np.ceil(np.maximum(wanted, 0) * ((cost or 0) / max(total, 1))).astype(np.int64)
        spent = np.minimum(spent, view.spendable(NUMERAIRE))
        for given, taken, atoms, worst in (
            (coin, NUMERAIRE, np.maximum(sold, 0), market.price * (1.0 - 2.0 * self.slippage)),
            (NUMERAIRE, coin, spent, (1.0 - 2.0 * self.slippage) / market.price),
        ):
            limit = np.where(plan.forced, 0.0, worst)
            for why, rows in _grouped(motive, atoms):
                sent.append(
                    Intent(
                        Act.SWAP, venue, view.accounts[rows], given, atoms[rows], taken, why, limit[rows], self.tip,
                        cause[rows],
                    )
                )  # fmt: skip
        return sent


def _grouped(motive: NDArray[np.int64], atoms: NDArray[np.int64]) -> list[tuple[int, Rows]]:
    """Rows that send something, by motive."""
    groups = [(int(why), np.flatnonzero((atoms > 0) & (motive == why))) for why in (Motive.UNWIND, Motive.CARRY)]
    return [(why, rows) for why, rows in groups if rows.size]
