"""Cases for the kernel of issuance, which is its own twin and compared all the same."""

import numpy as np

from protocols.stablecoins.issue_kernels import Terms
from sim.intents import ALL, AMOUNT, Act
from sim.tokens import TokenKind
from tests.kernel_cases import book_of, case, orders, spread


@case("protocols.stablecoins.issue_kernels.run_issue")
def _issue(rng, n):
    balance = np.stack([spread(rng, n + 3), spread(rng, n + 3), spread(rng, n + 3)])
    book = book_of(balance, [0, 1, 1], [TokenKind.BASE, TokenKind.CLAIM, TokenKind.CLAIM], 2 * n)
    ints = orders(rng, n, [Act.MINT, Act.REDEEM], [0, 1], np.arange(2, n + 3))
    ints[rng.random(n) < 0.1, AMOUNT] = ALL
    reals = np.column_stack([rng.choice([0.0, 0.99, 1.5], n), np.ones(n)])
    terms = Terms(1, 1, 2, float(rng.uniform(0.5, 1.0)), 0.001, 0.002, 1e-2, int(rng.integers(0, 10**12)))
    return book, ints, reals, rng.random(n + 3) < 0.9, terms, 5, np.zeros((n, 2), np.int64)
