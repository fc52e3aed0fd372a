"""Who holds whose claims, and what claims are worth.

Both are read off the ledger's columns. A claim is worth its issuer's assets less liabilities per unit; values are found
by passing over all claims until nothing changes, which takes as many passes as claims are nested and converges to the
fixed point where issuers hold each other's claims.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.errors import InvariantError
from sim.tokens import EXTERNAL, TokenKind

if TYPE_CHECKING:
    from sim.interfaces import Protocol
    from sim.world import World

MAX_PASSES = 200
TOLERANCE = 1e-13


def revalue(world: "World") -> None:
    """Set USD values of every token: spot for assets that trade, fair value for claims, debts and contracts."""
    prices, tokens = world.prices, world.tokens.rows
    spot = world.spot()
    values = prices.values
    values[: spot.size] = spot
    traded = prices.markets.reference
    issued = [
        (token.index, _issuer(world, token.issuer))
        for token in tokens
        if token.kind != TokenKind.BASE and token.index not in traded
    ]
    for _ in range(MAX_PASSES):
        moved = 0.0
        for index, protocol in issued:
            value = protocol.unit_value(world, index, values)
            if not math.isfinite(value):
                raise InvariantError(f"{tokens[index].name} is worth {value}; a claim or debt has a finite value")
            moved = max(moved, abs(value - values[index]) / max(abs(value), 1e-300))
            values[index] = value
        if moved <= TOLERANCE:
            break
    else:
        names = [tokens[index].name for index, _ in issued]
        raise InvariantError(f"claims {names} found no value in {MAX_PASSES} passes (last change {moved:g})")
    np.divide(values, prices.scales, out=prices.atom_values)


def _issuer(world: "World", account: int) -> "Protocol":
    return next(protocol for protocol in world.protocols if protocol.account == account)


def wealth_by_owner(world: "World") -> NDArray[np.float64]:
    """(owners,) USD value of everything each owner of accounts holds less what it owes, at the last valuation."""
    balance, weights = world.ledger.balance, world.prices.atom_values
    return np.array([balance[:, owner.lo : owner.hi].sum(axis=1) @ weights for owner in world.accounts.owners])


def wealth_by_account(world: "World") -> NDArray[np.float64]:
    """(accounts,) USD value of everything each account holds less what it owes, at the last valuation."""
    balance, weights = world.ledger.balance, world.prices.atom_values
    wealth = np.zeros(balance.shape[1])
    for row, weight in zip(balance, weights, strict=True):
        wealth += row * weight
    return wealth


@dataclass(frozen=True)
class Edge:
    """One edge of the exposure network: `holder` holds `usd` worth of `token`, which `issuer` owes."""

    holder: str
    issuer: str
    token: str
    usd: float


def network(world: "World") -> list[Edge]:
    """All claims between owners of accounts: receipts and shares from holder to issuer, debts from lender to debtor.

    Contracts of one venue are netted per owner: an open gain is owed by the venue, an open loss to it.
    """
    edges, open_gains = [], dict[tuple[str, str], float]()
    balance, values = world.ledger.balance, world.prices.atom_values
    for token in world.tokens.rows:
        if token.kind == TokenKind.BASE:
            continue
        issuer = world.accounts.owner_of(token.issuer).name
        for owner in world.accounts.owners:
            usd = float(balance[token.index, owner.lo : owner.hi].sum() * values[token.index])
            if owner.lo == EXTERNAL or owner.name == issuer or usd == 0.0:
                continue
            if token.kind == TokenKind.CONTRACT:
                open_gains[owner.name, issuer] = open_gains.get((owner.name, issuer), 0.0) + usd
                continue
            ends = (owner.name, issuer) if token.kind == TokenKind.CLAIM else (issuer, owner.name)
            edges.append(Edge(*ends, token.name, abs(usd)))
    for (owner_name, issuer), usd in open_gains.items():
        ends = (owner_name, issuer) if usd > 0.0 else (issuer, owner_name)
        edges += [Edge(*ends, f"{issuer}.contracts", abs(usd))] if usd else []
    return edges


def look_through(world: "World", owner: str) -> dict[str, float]:
    """Composition of an owner's wealth in base assets after opening every claim it holds, in USD by asset name.

    Claims are opened issuer by issuer; with cycles the geometric series is summed by solving the linear system.
    """
    tokens, balance = world.tokens.rows, world.ledger.balance
    n = len(tokens)
    share = np.zeros((n, n))
    for token in tokens:
        if token.kind == TokenKind.CLAIM and balance[token.index, token.issuer] < 0:
            inside = np.array(balance[:, token.issuer], dtype=float)
            inside[token.index] = 0.0
            share[token.index] = backing(world, token.index, inside) / -balance[token.index, token.issuer]
    slice_ = next(o for o in world.accounts.owners if o.name == owner)
    held = balance[:, slice_.lo : slice_.hi].sum(axis=1).astype(float)
    opened = np.linalg.solve(np.eye(n) - share.T, held)
    base = [token for token in tokens if token.kind != TokenKind.CLAIM]
    return {t.name: float(opened[t.index] * world.prices.atom_values[t.index]) for t in base if opened[t.index]}


def backing(world: "World", claim: int, inside: NDArray[np.float64]) -> NDArray[np.float64]:
    """What stands behind one claim of an issuer: of several claims, each is backed by its own underlying asset.

    Several claims on one basket share it in proportion to what they are worth. inside: (tokens,) what the issuer holds,
    without the claim itself; changed in place.
    """
    tokens, token = world.tokens.rows, world.tokens.rows[claim]
    if token.underlying < 0:
        baskets = [t.index for t in tokens if (t.kind, t.issuer, t.underlying) == (token.kind, token.issuer, -1)]
        if len(baskets) == 1:
            return inside
        worth = -world.ledger.balance[baskets, token.issuer] * world.prices.atom_values[baskets]
        total = float(worth.sum())
        inside[baskets] = 0.0
        return inside * (float(worth[baskets.index(claim)]) / total if total > 0.0 else 0.0)
    same = np.array([token.underlying in (row.underlying, row.index) and row.index != claim for row in tokens])
    return np.where(same, inside, 0.0)
