"""Health of all accounts of a lending market at once.

Layout shared with `liquidation_kernels`: `balance[token, account]` is int64 atoms; the supply receipts of reserve r
are scaled balances in row `a_rows[r]`, its debts are scaled and NEGATIVE in row `d_rows[r]`.
`coll_value[r]` and `debt_value[r]` are USD per scaled atom (index * price / 10**decimals). Values and health are
float64, summed in reserve order, so a scan over fewer rows differs only if a row left out was not zero.
"""

import numpy as np

from sim.jit import inline, kernel

BLOCK = 8192
"""Accounts per block of a scan: both work rows stay in the second-level cache, and rows are read in long runs."""
SEARCH = 128
"""Accounts per block of a search: breaches are rare, so most blocks are only counted."""


@inline
def _weigh(row, weight, out):
    for i in range(out.size):
        out[i] = np.float64(row[i]) * weight


@inline
def _weigh_more(row, weight, out):
    for i in range(out.size):
        out[i] += np.float64(row[i]) * weight


@inline
def _sum_rows(balance, rows, values, start, stop, out):
    _weigh(balance[rows[0], start:stop], values[0], out)
    for r in range(1, rows.size):
        _weigh_more(balance[rows[r], start:stop], values[r], out)


@inline
def _sum_rows_by_category(balance, rows, weights, category, start, stop, out):
    out[:] = 0.0
    for r in range(rows.size):
        row, weight = balance[rows[r], start:stop], weights[r]
        for i in range(out.size):
            out[i] += np.float64(row[i]) * weight[category[i]]


@inline
def _close(collateral_then_health, debt):
    below = 0
    for i in range(debt.size):
        owed = -debt[i]
        health = collateral_then_health[i] / owed
        health = health if owed > 0.0 else np.inf
        collateral_then_health[i] = health
        below += health < 1.0
    return below


@inline
def _scan_one_pair(collateral, debt, coll_weight, debt_value, out):
    below = 0
    for i in range(out.size):
        owed = np.float64(-debt[i]) * debt_value
        health = np.float64(collateral[i]) * coll_weight / owed
        health = health if owed > 0.0 else np.inf
        out[i] = health
        below += health < 1.0
    return below


@inline
def _scan_block(balance, a_rows, d_rows, weights, debt_value, start, stop, out, debt):
    if a_rows.size == 1 and d_rows.size == 1:
        collateral, owed = balance[a_rows[0], start:stop], balance[d_rows[0], start:stop]
        return _scan_one_pair(collateral, owed, weights[0], debt_value[0], out)
    _sum_rows(balance, a_rows, weights, start, stop, out)
    _sum_rows(balance, d_rows, debt_value, start, stop, debt)
    return _close(out, debt)


def _health_numpy(collateral, debt, out):
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        out[:] = np.where(debt < 0.0, collateral / -debt, np.inf)
    return int(np.count_nonzero(out < 1.0))


def _scan_health_numpy(balance, a_rows, d_rows, coll_value, debt_value, lt, lo, hi, health_out):
    collateral, debt = np.zeros(hi - lo), np.zeros(hi - lo)
    for r, row in enumerate(a_rows):
        collateral += balance[row, lo:hi] * (coll_value[r] * lt[r])
    for r, row in enumerate(d_rows):
        debt += balance[row, lo:hi] * debt_value[r]
    return _health_numpy(collateral, debt, health_out[lo:hi])


@kernel(twin=_scan_health_numpy)
def scan_health(balance, a_rows, d_rows, coll_value, debt_value, lt, lo, hi, health_out):
    """Health factor of accounts lo..hi: sum of collateral value times its threshold, over debt; inf without debt.

    Parameters
    ----------
    balance: int64 (tokens, accounts), C order.
    a_rows, coll_value, lt: (collaterals,), at least one; rows of receipts, USD per scaled atom, thresholds.
    d_rows, debt_value: (debts,), at least one; rows of debts, USD per scaled atom.
    health_out: float64 (accounts,); only [lo:hi] is written.

    Returns the number of accounts in lo..hi with a health factor below 1.
    """
    weights, buffer = coll_value * lt, np.empty(BLOCK)
    below = 0
    for start in range(lo, hi, BLOCK):
        stop = min(start + BLOCK, hi)
        out, debt = health_out[start:stop], buffer[: stop - start]
        below += _scan_block(balance, a_rows, d_rows, weights, debt_value, start, stop, out, debt)
    return below


def _scan_health_emode_numpy(balance, a_rows, d_rows, coll_value, debt_value, lt, category, lo, hi, health_out):
    collateral, debt = np.zeros(hi - lo), np.zeros(hi - lo)
    for r, row in enumerate(a_rows):
        collateral += balance[row, lo:hi] * (coll_value[r] * lt[:, r])[category[lo:hi]]
    for r, row in enumerate(d_rows):
        debt += balance[row, lo:hi] * debt_value[r]
    return _health_numpy(collateral, debt, health_out[lo:hi])


@kernel(twin=_scan_health_emode_numpy)
def scan_health_emode(balance, a_rows, d_rows, coll_value, debt_value, lt, category, lo, hi, health_out):
    """`scan_health` where each account's efficiency mode chooses its thresholds.

    Parameters
    ----------
    lt: (categories, collaterals); row 0 holds the reserves' own thresholds.
    category: uint8 (accounts,), each below `lt.shape[0]`; 0 is no efficiency mode.

    Blocks of accounts without any efficiency mode cost no more than in `scan_health`.
    """
    weights, buffer = np.empty((a_rows.size, lt.shape[0])), np.empty(BLOCK)
    for r in range(a_rows.size):
        weights[r] = coll_value[r] * lt[:, r]
    base = np.ascontiguousarray(weights[:, 0])
    below = 0
    for start in range(lo, hi, BLOCK):
        stop = min(start + BLOCK, hi)
        out, debt, modes = health_out[start:stop], buffer[: stop - start], category[start:stop]
        if _any(modes):
            _sum_rows_by_category(balance, a_rows, weights, modes, start, stop, out)
            _sum_rows(balance, d_rows, debt_value, start, stop, debt)
            below += _close(out, debt)
        else:
            below += _scan_block(balance, a_rows, d_rows, base, debt_value, start, stop, out, debt)
    return below


def _scan_accounts_numpy(balance, a_rows, d_rows, coll_value, debt_value, lt, category, accounts, health_out):
    collateral, debt, health = np.zeros(accounts.size), np.zeros(accounts.size), np.empty(accounts.size)
    for r, row in enumerate(a_rows):
        collateral += balance[row, accounts] * (coll_value[r] * lt[:, r])[category[accounts]]
    for r, row in enumerate(d_rows):
        debt += balance[row, accounts] * debt_value[r]
    _health_numpy(collateral, debt, health)
    health_out[accounts] = health


@kernel(twin=_scan_accounts_numpy)
def scan_accounts(balance, a_rows, d_rows, coll_value, debt_value, lt, category, accounts, health_out):
    """`scan_health_emode` of a few accounts: int64 (n,), each at most once; only their entries are written."""
    for i in range(accounts.size):
        account = accounts[i]
        collateral, debt = 0.0, 0.0
        for r in range(a_rows.size):
            collateral += np.float64(balance[a_rows[r], account]) * (coll_value[r] * lt[category[account], r])
        for r in range(d_rows.size):
            debt += np.float64(balance[d_rows[r], account]) * debt_value[r]
        health_out[account] = collateral / -debt if debt < 0.0 else np.inf


@inline
def _any(modes):
    found = np.uint8(0)
    for i in range(modes.size):
        found |= modes[i]
    return found != 0


@inline
def _count_below(health, threshold):
    count = 0
    for i in range(health.size):
        count += health[i] < threshold
    return count


def _breaching_numpy(health, lo, hi, threshold, out):
    found = np.flatnonzero(health[lo:hi] < threshold) + lo
    out[: min(found.size, out.size)] = found[: out.size]
    return found.size


@kernel(twin=_breaching_numpy)
def breaching(health, lo, hi, threshold, out):
    """Collect the accounts of lo..hi whose health is below `threshold`, in ascending order.

    Parameters
    ----------
    health: float64 (accounts,).
    out: int64; as many accounts are written as fit, nothing beyond the count is meaningful.

    Returns the number of such accounts, which may exceed `out.size`.
    """
    count = 0
    for start in range(lo, hi, SEARCH):
        stop = min(start + SEARCH, hi)
        found = _count_below(health[start:stop], threshold)
        if found > 0 and count + (stop - start) <= out.size:
            place = np.uint64(count)
            for i in range(start, stop):  # no branch: an account that is not kept is overwritten by the next
                out[place] = i
                place += np.uint64(health[i] < threshold)
        elif found > 0:
            place = count
            for i in range(start, stop):
                if health[i] < threshold:
                    if place < out.size:
                        out[place] = i
                    place += 1
        count += found
    return count


def _borrowing_power_numpy(balance, a_rows, d_rows, coll_value, debt_value, ltv, category, accounts, out):
    power, debt = np.zeros(accounts.size), np.zeros(accounts.size)
    for r, row in enumerate(a_rows):
        power += balance[row, accounts] * (coll_value[r] * ltv[category[accounts], r])
    for r, row in enumerate(d_rows):
        debt += balance[row, accounts] * debt_value[r]
    out[:] = power + debt


@kernel(twin=_borrowing_power_numpy)
def borrowing_power(balance, a_rows, d_rows, coll_value, debt_value, ltv, category, accounts, out):
    """USD each of `accounts` could still borrow: collateral weighted by its loan-to-value limit, less all debt.

    Negative where the debt is already above the limit (the contracts report 0 there).

    Parameters
    ----------
    ltv: (categories, collaterals); row 0 holds the reserves' own limits.
    category: uint8 (all accounts,), each below `ltv.shape[0]`.
    accounts: int64 (n,); out: float64 (n,).
    """
    for i in range(accounts.size):
        account = accounts[i]
        mode = category[account]
        power, debt = 0.0, 0.0
        for r in range(a_rows.size):
            power += np.float64(balance[a_rows[r], account]) * (coll_value[r] * ltv[mode, r])
        for r in range(d_rows.size):
            debt += np.float64(balance[d_rows[r], account]) * debt_value[r]
        out[i] = power + debt
