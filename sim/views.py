"""What an account can see when it decides: frozen, possibly delayed and noisy."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.events import Kind
from sim.intents import ACCOUNT, ACT, Act
from sim.quotes import MarginState
from sim.reliance import reliance
from sim.rng import Draws
from sim.subjects import LastBySubject

if TYPE_CHECKING:
    from sim.world import World


class View:
    """One population's window on the world during one tick.

    Nothing in it can be written. Prices are those of `delay` ticks ago, with relative noise as configured; balances and
    health are the population's own rows, health as of the last mark.

    Attributes
    ----------
    tick: the current tick. dt_years: length of a tick in 365-day years.
    prices: (assets,) market price in USD by asset index; the numeraire is asset 0 and costs 1.
    gas_price: base fee per gas in gwei on the chain, now.
    quotes: public state of each protocol by name, see the protocol's `quote`.
    """

    def __init__(self, world: "World", lo: int, hi: int, delay: int = 0, noise: float = 0.0) -> None:
        self._world, self.lo, self.hi = world, lo, hi
        self._delay, self._noise = delay, noise
        self._seen: NDArray[np.float64] | None = None
        self.accounts = frozen(np.arange(lo, hi))
        self._befell = LastBySubject(lo, hi)
        self.dt_years = world.clock.dt_years
        self.quotes: Mapping[str, Any] = MappingProxyType(world.quotes)
        self.tick = -1
        self.gas_price = 0.0
        self.prices: NDArray[np.float64] = np.empty(0)

    def refresh(self, noise: Draws) -> None:
        """Freeze what is visible at the current tick; `noise` has one label per asset."""
        world = self._world
        self.tick = world.clock.tick
        self.gas_price = world.chain.base_fee
        seen_at = max(self.tick - self._delay, 0)
        self.prices = frozen(world.prices.history[seen_at])
        if self._noise:
            noise.tick = seen_at
            factor = np.exp(self._noise * noise.normal(noise.labels))
            factor[0] = 1.0
            self.prices = frozen(self.prices * factor)
            if self._seen is None:
                self._seen = np.ones_like(world.prices.history)
            self._seen[seen_at] = self.prices

    @property
    def n(self) -> int:
        """Number of accounts in the population."""
        return self.hi - self.lo

    @property
    def native(self) -> int:
        """Index of the coin that pays for gas."""
        return self._world.native

    @property
    def gas_reserve(self) -> int:
        """Atoms of that coin that accounts keep back for gas."""
        return self._world.gas_reserve

    @property
    def balances(self) -> NDArray[np.int64]:
        """(tokens, n) own balances in atoms, read-only."""
        return self._world.ledger.balance[:, self.lo : self.hi]

    def balance(self, token: int) -> NDArray[np.int64]:
        """(n,) own balances of a token in atoms, read-only."""
        return self._world.ledger.balance[token, self.lo : self.hi]

    def spendable(self, token: int, rows: NDArray[np.intp] | None = None) -> NDArray[np.int64]:
        """(n,) own balances less, for the native coin, what is kept back for gas; (m,) with rows: of those alone."""
        balance = self.balance(token) if rows is None else self.balance(token)[rows]
        return np.maximum(balance - self._world.gas_reserve, 0) if token == self._world.native else balance

    def pending(self, act: Act | None = None) -> NDArray[np.bool_]:
        """(n,) which own accounts have a transaction, of one act or of any, that still waits for a block."""
        mask = np.zeros(self.n, dtype=np.bool_)
        waiting = self._world.chain.waiting
        if waiting.count:
            rows = waiting.ints[:, ACCOUNT] - self.lo
            mine = (rows >= 0) & (rows < self.n)
            mask[rows[mine if act is None else mine & (waiting.ints[:, ACT] == act)]] = True
        return mask

    def least_tips(self, act: Act, most: int) -> NDArray[np.float64]:
        """(k,) gwei that the first, second, ... transaction of an act must bid to get into a block now.

        k is `most`, or as many as find room. Others may still outbid them.
        """
        return self._world.chain.least_tips(act, most)

    @property
    def atom_prices(self) -> NDArray[np.float64]:
        """(assets,) visible price in USD per atom."""
        return self.prices / self._world.prices.scales[: self.prices.size]

    def token(self, name: str) -> int:
        """Index of a token by name."""
        return self._world.tokens[name].index

    def decimals(self, token: int) -> int:
        """Decimals of a token."""
        return self._world.tokens.rows[token].decimals

    def venue(self, name: str) -> int:
        """Index of a protocol by name, for intents."""
        return self._world.protocol(name).index

    def supply(self, token: int) -> int:
        """Atoms of an asset or claim that anybody but its issuer holds, as a chain shows it."""
        world = self._world
        return -int(world.ledger.balance[token, world.tokens.rows[token].issuer])

    def health(self, protocol: str) -> NDArray[np.float64]:
        """(n,) health factors in a lending protocol as of the last mark, infinite without debt, read-only."""
        return frozen(self._world.protocol(protocol).health[self.lo : self.hi])

    def margin(self, protocol: str, contract: int = -1) -> MarginState:
        """Own margin accounts at a venue of derivatives; contract: which, where margin is isolated by contract."""
        state = self._world.protocol(protocol).margins(self._world, contract)
        return MarginState(*(frozen(array[self.lo : self.hi]) for array in state))

    def history(self, asset: int, ticks: int) -> NDArray[np.float64]:
        """Last `ticks` + 1 market prices of an asset as they were seen, oldest first (fewer at the start of a run).

        Of a claim: those of the asset that it is a claim on; the numeraire's if that is a basket.
        """
        if asset >= self.prices.size:
            asset = max(self._world.tokens.rows[asset].underlying, 0)
        end = max(self.tick - self._delay, 0) + 1
        seen = self._world.prices.history if self._seen is None else self._seen
        return frozen(seen[max(end - ticks - 1, 0) : end, asset])

    def value(self, token: int) -> float:
        """USD per whole token at the last valuation: market price of an asset, fair value of a claim."""
        return float(self._world.prices.values[token])

    def reliance(self) -> Mapping[str, NDArray[np.float64]]:
        """(tokens,) by protocol: share of a token's value that is lost if the protocol is, through claims on claims."""
        return reliance(self._world)

    def wealth(self) -> NDArray[np.float64]:
        """(n,) USD value of everything each account holds less what it owes, at the last valuation."""
        world = self._world
        total = np.zeros(self.n)
        for row, weight in zip(world.ledger.balance[:, self.lo : self.hi], world.prices.atom_values, strict=True):
            total += row * weight  # no BLAS, whose sums depend on an account's place among the others
        return total

    def cause(self, asset: int) -> int:
        """Event id of the last recorded price move of an asset, to name as the cause of an intent."""
        return int(self._world.prices.last_event[asset])

    def last_event(self, kind: Kind) -> NDArray[np.int64]:
        """(n,) id of the last event of a kind that befell each own account, as its subject; 0 where there is none.

        To name as the cause of what an account does about it, such as a position lost to auto-deleveraging.
        """
        return frozen(self._befell.of(self._world.events, kind))


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """A view of an array that cannot be written."""
    view = array.view()
    view.flags.writeable = False
    return view
