"""Tokens and accounts: the rows and columns of the ledger, declared before it is allocated."""

from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from sim.errors import ConfigError, suggestion

EXTERNAL = 0
"""Account 0: the world outside the model. It issues every base asset."""


class TokenKind(IntEnum):
    """What a token is, hence who may stand below zero in its row."""

    BASE = 0
    """Money and coins; `external` carries minus the supply."""
    CLAIM = 1
    """Receipts, shares, stablecoins; the issuer carries minus the supply."""
    DEBT = 2
    """What accounts owe; debtors stand below zero, the issuing protocol holds the asset."""
    CONTRACT = 3
    """Derivative positions: longs stand above zero, shorts below; the venue's margin rules say how far."""


@dataclass(frozen=True)
class Token:
    """One row of the ledger."""

    index: int
    name: str
    kind: TokenKind
    decimals: int
    issuer: int
    """Account that issues it: `external`, or a protocol's."""
    underlying: int
    """Index of the base asset it is a claim on or a debt in; itself for a base asset; -1 for a basket."""


@dataclass
class Tokens:
    """All tokens by index and by name. Base assets come first, the numeraire is token 0."""

    rows: list[Token] = field(default_factory=list)
    by_name: dict[str, Token] = field(default_factory=dict)
    listed: int = 0
    """How many of the first rows are assets, which have a price."""

    def declare(self, name: str, kind: TokenKind, decimals: int, issuer: int = EXTERNAL, underlying: int = -1) -> Token:
        """Add a token; ConfigError if the name is taken."""
        if name in self.by_name:
            raise ConfigError(f'two tokens are named "{name}"; token names must be unique')
        index = len(self.rows)
        token = Token(index, name, kind, decimals, issuer, index if kind == TokenKind.BASE else underlying)
        self.rows.append(token)
        self.by_name[name] = token
        self.listed += kind == TokenKind.BASE
        return token

    def issue(self, name: str, issuer: int) -> Token:
        """Make an asset a claim that a protocol of the model issues, such as a stablecoin; it keeps row and price.

        Raises ConfigError if there is no such asset, or if it is the numeraire or has an issuer already.
        """
        token = self[name]
        if token.kind != TokenKind.BASE or token.index == 0:
            found = "the numeraire" if token.index == 0 else "a token that has an issuer"
            raise ConfigError(f'"{name}" is {found}; name an asset that no other protocol issues')
        token = replace(token, kind=TokenKind.CLAIM, issuer=issuer, underlying=-1)
        self.rows[token.index] = self.by_name[name] = token
        return token

    def __getitem__(self, name: str) -> Token:
        try:
            return self.by_name[name]
        except KeyError:
            raise ConfigError(f'unknown token "{name}"{suggestion(name, sorted(self.by_name))}') from None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def scales(self) -> NDArray[np.float64]:
        """(tokens,) atoms per whole token."""
        return np.array([10.0**token.decimals for token in self.rows])

    @property
    def assets(self) -> list[Token]:
        """What the config lists as assets, numeraire first; a protocol of the model may issue some of them."""
        return self.rows[: self.listed]


@dataclass(frozen=True)
class Owner:
    """A named, contiguous slice of accounts: a protocol, a treasury or a population."""

    name: str
    lo: int
    hi: int


@dataclass
class Accounts:
    """Columns of the ledger. Account 0 is `external`."""

    owners: list[Owner] = field(default_factory=lambda: [Owner("external", 0, 1)])

    def declare(self, name: str, count: int = 1) -> Owner:
        """Append `count` accounts owned by `name`; ConfigError if the name is taken."""
        if any(owner.name == name for owner in self.owners):
            raise ConfigError(f'two owners of accounts are named "{name}"; names must be unique')
        start = self.count
        owner = Owner(name, start, start + count)
        self.owners.append(owner)
        return owner

    @property
    def count(self) -> int:
        """Number of accounts declared so far."""
        return self.owners[-1].hi

    def owner_of(self, account: int) -> Owner:
        """The owner whose slice holds this account."""
        for owner in self.owners:
            if owner.lo <= account < owner.hi:
                return owner
        raise ConfigError(f"account {account} does not exist; accounts run from 0 to {self.count - 1}")

    def label(self, account: int) -> str:
        """Readable name of an account, such as `borrowers[17]` or `aave`."""
        owner = self.owner_of(account)
        single = owner.hi - owner.lo == 1
        return owner.name if single else f"{owner.name}[{account - owner.lo}]"
