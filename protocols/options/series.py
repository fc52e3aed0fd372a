"""The listed series of a venue, as arrays: a fixed number of slots, each listed anew when it has expired.

Slots of one underlying and expiry form a group and lie next to each other; calls and puts share strikes.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from protocols.options.settings import UnderlyingSettings
from protocols.options.surface import LEAST_YEARS, Surface
from protocols.shared.calendar import Calendar
from sim.pricing import black_scholes as bs
from sim.tokens import TokenKind

if TYPE_CHECKING:
    from sim.world import World

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class SeriesTable:
    """All series of a venue.

    Attributes
    ----------
    token, asset, underlying, group: int64 (series,) contract token, asset, place among the underlyings, group.
    strike: (series,) USD. is_call: bool (series,). scale: (series,) atoms per option.
    start: int64 (groups + 1,) first series of each group. expiry: int64 (groups,) tick of settlement.
    owner: int64 (groups,) underlying of each group.
    volatility, mark: (series,). greeks: (series, 5) delta, gamma, vega, theta, rho.
    """

    def __init__(
        self, world: "World", name: str, account: int, underlyings: list[UnderlyingSettings], live: int
    ) -> None:
        token, asset, underlying, group, is_call, scale, start = [], [], [], [], [], [], [0]
        owner: list[int] = []
        for number, settings in enumerate(underlyings):
            base = world.tokens[settings.asset]
            strikes = len(settings.deltas or settings.strikes)
            for expiry in range(live):
                for place in range(2 * strikes):
                    slot = expiry * 2 * strikes + place
                    declared = world.tokens.declare(
                        f"{name}.{base.name}.{slot}", TokenKind.CONTRACT, base.decimals, account, base.index
                    )
                    token.append(declared.index)
                    asset.append(base.index)
                    underlying.append(number)
                    group.append(len(owner))
                    is_call.append(place < strikes)
                    scale.append(10.0**base.decimals)
                owner.append(number)
                start.append(len(token))
        self.token, self.asset, self.underlying = np.array(token), np.array(asset), np.array(underlying)
        self.group, self.is_call, self.scale = np.array(group), np.array(is_call), np.array(scale)
        self.start, self.owner, self.live = np.array(start), np.array(owner), live
        n = len(token)
        self.strike, self.volatility, self.mark = np.ones(n), np.zeros(n), np.zeros(n)
        self.spot = np.ones(n)
        self.greeks = np.zeros((n, 5))
        self.expiry, self.moment = np.zeros(len(owner), np.int64), np.zeros(len(owner), np.int64)
        self.number = {t: i for i, t in enumerate(token)}

    def __len__(self) -> int:
        return int(self.token.size)

    def members(self, group: int) -> slice:
        """Series of a group."""
        return slice(int(self.start[group]), int(self.start[group + 1]))

    def groups_of(self, underlying: int) -> Ints:
        """Groups of an underlying."""
        return np.flatnonzero(self.owner == underlying)

    def list_group(
        self, group: int, moment: int, calendar: Calendar, surface: Surface, settings: UnderlyingSettings, tick: int
    ) -> None:
        """Give a group a new expiry, and strikes around the spot."""
        self.moment[group], self.expiry[group] = moment, calendar.tick(moment)
        if settings.deltas:
            years = max((int(self.expiry[group]) - tick) * calendar.clock.dt_years, LEAST_YEARS)
            strikes = strikes_by_delta(surface, years, np.array(settings.deltas))
        else:
            strikes = surface.spot * np.array(settings.strikes)
        self.strike[self.members(group)] = np.tile(strikes, 2)
        place = int(group - self.groups_of(int(self.owner[group]))[0])
        surface.vega[place] = surface.tilt[place] = 0.0

    def years(self, tick: int, dt_years: float) -> Floats:
        """(groups,) time to expiry."""
        return np.maximum(self.expiry - tick, 0) * dt_years

    def volatilities(self, surfaces: list[Surface], years: Floats, pushes: Floats | None = None) -> Floats:
        """(series,) implied volatility. pushes: (2, groups) vega and tilt in place of the surfaces' own."""
        out = np.empty(len(self))
        for number, surface in enumerate(surfaces):
            groups = self.groups_of(number)
            pressure = (None, None) if pushes is None else (pushes[0, groups], pushes[1, groups])
            mine = slice(int(self.start[groups[0]]), int(self.start[groups[-1] + 1]))
            strikes = self.strike[mine].reshape(groups.size, -1)
            smiles = surface.smiles(years[groups], *pressure)
            out[mine] = surface.volatilities(smiles, years[groups], strikes).ravel()
        return out

    def price(self, volatility: Floats, years: Floats, spot: Floats | None = None) -> Floats:
        """(series, 6) price and Greeks in USD at these volatilities; spot: (series,), the index if None."""
        out, zero = np.empty((len(self), 6)), np.zeros(len(self))
        at = self.spot if spot is None else spot
        bs.bsm_greeks(at, self.strike, years[self.group], volatility, zero, zero, self.is_call, out)
        return out

    def revalue(self, surfaces: list[Surface], years: Floats) -> None:
        """Mark every series to its surface, all in one call of the pricing kernel."""
        self.spot = np.array([surface.spot for surface in surfaces])[self.underlying]
        self.volatility = self.volatilities(surfaces, years)
        table = self.price(self.volatility, years)
        self.mark, self.greeks = table[:, 0].copy(), table[:, 1:].copy()

    def moneyness(self, years: Floats) -> Floats:
        """(series,) standard deviations of each strike above the spot, within +-3."""
        width = self.volatility * np.sqrt(np.maximum(years, LEAST_YEARS))[self.group]
        return np.clip(np.log(self.strike / self.spot) / width, -3.0, 3.0)


def strikes_by_delta(surface: Surface, years: float, deltas: Floats) -> Floats:
    """(k,) strikes whose calls have these deltas on the surface, by bisection on a falling function."""
    smile = surface.smiles(np.array([years]), np.zeros(1), np.zeros(1))
    low, high = np.full(deltas.size, -8.0), np.full(deltas.size, 8.0)
    width = surface.level * np.sqrt(years)
    for _ in range(60):
        middle = 0.5 * (low + high)
        strike = surface.spot * np.exp(middle * width)
        volatility = surface.volatilities(smile, np.array([years]), strike[None, :])[0]
        delta = bs.price_and_greeks(surface.spot, strike, years, volatility)[:, bs.DELTA]
        above = delta > deltas
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.asarray(surface.spot * np.exp(0.5 * (low + high) * width))
