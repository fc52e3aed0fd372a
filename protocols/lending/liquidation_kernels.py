"""What a liquidation would repay, seize and leave behind.

Layout of balances as in `kernels`. Reserve data come as two tables (built by `tables`) whose rows are named below:
`market[field, reserve]` and `terms[field, category, reserve]`, category 0 being the reserves' own terms.

Rounding. Amounts are whole atoms held as float64 inside (exact below 2**53 atoms) and every step favours the protocol
or the borrower, never the liquidator, as Aave v3.7 does: collateral floor(scaled * index); debt ceil(scaled * index);
seizure floor(floor(worth of the repayment) * (1 + bonus)); the repayment that buys all the collateral is rounded up;
fee ceil(fee share * (seizure - floor(seizure / (1 + bonus)))); scaled debt burned floor(repay / index); scaled
receipts burned ceil(amount / index). Closing a side burns the whole scaled balance. A float product may land one
atom beyond the exact rational, never past the balance. The close-factor limit is rounded down on the total debt (v3)
and half up on the reserve's debt (v2), as in the contracts. An offer of at least the price of all the collateral takes
all of it, so that quoting a quoted repayment again gives the same quote (the contracts may leave its last atoms).
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.jit import inline, kernel

PRICE, UNIT, SUPPLY_INDEX, DEBT_INDEX, COLL_VALUE, DEBT_VALUE = range(6)
MARKET_FIELDS = 6
LTV, THRESHOLD, BONUS, FEE_SHARE = range(4)
TERM_FIELDS = 4
CLOSE_FACTOR, ON_TOTAL, FULL_CLOSE_HEALTH, FULL_CLOSE_BELOW, MIN_LEFTOVER, TAKES_FEE, BOOKS_DEFICIT = range(7)
RULE_FIELDS = 7
ACCOUNT, COLLATERAL, DEBT, WANTED = range(4)
REQUEST_FIELDS = 4
STATUS, REPAY, SEIZED, FEE, DEBT_BURNED, RECEIPTS_BURNED, FEE_RECEIPTS, EMPTIED = range(8)
QUOTE_FIELDS = 8

OK, HEALTHY, NOT_COLLATERAL, NO_DEBT, NOTHING, DUST = range(6)
STATUS_TEXT = (
    "executable",
    "health factor is not below 1",
    "this reserve is not collateral of the account",
    "the account owes nothing in this reserve",
    "the amount repays or seizes less than one atom",
    "would leave dust: repay less, or close the debt or the collateral entirely",
)
NO_VALUE = 1e-8
"""USD below which the contracts' eight-decimal accounting sees no collateral."""


def repay_to_health(
    collateral: ArrayLike, debt: ArrayLike, threshold: ArrayLike, bonus: ArrayLike, target: float = 1.0
) -> NDArray[np.float64]:
    """USD to repay so that one liquidation brings the health factor to `target`; elementwise, between 0 and the debt.

    r = (target D - LT C) / (target - LT (1 + b)), from LT (C - r (1 + b)) = target (D - r). All the debt where
    seizing lowers health as fast as repaying raises it.
    """
    collateral, debt, threshold = np.asarray(collateral), np.asarray(debt), np.asarray(threshold)
    gain = target - threshold * (1.0 + np.asarray(bonus))
    missing = target * debt - threshold * collateral
    repay = np.where(gain > 0.0, missing / np.where(gain > 0.0, gain, 1.0), debt)
    return np.where(missing > 0.0, np.minimum(repay, debt), 0.0)


@inline
def account_health(balance, a_rows, d_rows, market, terms, account, mode):
    """Health factor of one account, bit for bit that of `scan_health`, and its debt in USD."""
    weighted, owed = 0.0, 0.0
    for r in range(a_rows.size):
        weighted += np.float64(balance[a_rows[r], account]) * (market[COLL_VALUE, r] * terms[THRESHOLD, mode, r])
        owed -= np.float64(balance[d_rows[r], account]) * market[DEBT_VALUE, r]
    return weighted / owed if owed > 0.0 else np.inf, owed


@inline
def close_limit(collateral, debt, owed, health, coll_market, debt_market, rule):
    """Most atoms one liquidation may repay in a reserve (amounts in atoms, `owed` the account's whole debt in USD)."""
    collateral_usd = collateral * coll_market[PRICE] / coll_market[UNIT]
    debt_usd = debt * debt_market[PRICE] / debt_market[UNIT]
    if health <= rule[FULL_CLOSE_HEALTH] or min(collateral_usd, debt_usd) < rule[FULL_CLOSE_BELOW]:
        return debt
    if rule[ON_TOTAL] > 0.0:
        return min(debt, np.floor(rule[CLOSE_FACTOR] * owed * debt_market[UNIT] / debt_market[PRICE]))
    return min(debt, np.floor(rule[CLOSE_FACTOR] * debt + 0.5))


@inline
def seize(repay, collateral, bonus, fee_share, coll_market, debt_market):
    """Atoms (repaid, seized, fee out of the seized) when `repay` atoms are offered for at most `collateral` atoms."""
    debt_side = debt_market[PRICE] * coll_market[UNIT]
    coll_side = coll_market[PRICE] * debt_market[UNIT]
    price_of_all = np.ceil(collateral * coll_side / debt_side / (1.0 + bonus))
    if repay >= price_of_all:
        repay, seized = price_of_all, collateral
    else:
        seized = np.floor(np.floor(repay * debt_side / coll_side) * (1.0 + bonus))
        seized = collateral if seized > collateral else seized
    return repay, seized, np.ceil((seized - np.floor(seized / (1.0 + bonus))) * fee_share)


@inline
def leaves_dust(collateral, debt, coll_market, debt_market, rule):
    """Whether these atoms, left on both sides of a partial liquidation, are too little on either."""
    small_debt = debt * debt_market[PRICE] / debt_market[UNIT] < rule[MIN_LEFTOVER]
    small_collateral = collateral * coll_market[PRICE] / coll_market[UNIT] < rule[MIN_LEFTOVER]
    return debt > 0.0 and collateral > 0.0 and (small_debt or small_collateral)


@inline
def largest_clear(collateral, debt, bonus, coll_market, debt_market, rule):
    """Most atoms a partial liquidation may repay and still leave the minimum on both sides (may be negative)."""
    keep_debt = np.ceil(rule[MIN_LEFTOVER] * debt_market[UNIT] / debt_market[PRICE]) + 1.0
    keep_collateral = np.ceil(rule[MIN_LEFTOVER] * coll_market[UNIT] / coll_market[PRICE]) + 1.0
    worth = (collateral - keep_collateral) * coll_market[PRICE] * debt_market[UNIT]
    by_collateral = np.floor(worth / (debt_market[PRICE] * coll_market[UNIT]) / (1.0 + bonus))
    return min(debt - keep_debt, by_collateral)


@inline
def settle(collateral, debt, wanted, health, owed, terms, coll_market, debt_market, rule):
    """One quote in atoms: (status, repaid, seized, fee). `terms` are the collateral's, of the account's category."""
    if health >= 1.0:
        return HEALTHY, 0.0, 0.0, 0.0
    if not (terms[THRESHOLD] > 0.0 and collateral >= 1.0):
        return NOT_COLLATERAL, 0.0, 0.0, 0.0
    if debt < 1.0:
        return NO_DEBT, 0.0, 0.0, 0.0
    repay = min(wanted, close_limit(collateral, debt, owed, health, coll_market, debt_market, rule))
    fee_share = terms[FEE_SHARE] * rule[TAKES_FEE]
    repay, seized, fee = seize(repay, collateral, terms[BONUS], fee_share, coll_market, debt_market)
    if not (repay >= 1.0 and seized - fee >= 1.0):
        return NOTHING, 0.0, 0.0, 0.0
    if leaves_dust(collateral - seized, debt - repay, coll_market, debt_market, rule):
        return DUST, 0.0, 0.0, 0.0
    return OK, repay, seized, fee


@inline
def _others_back(balance, a_rows, market, terms, account, mode, reserve):
    for r in range(a_rows.size):
        value = np.float64(balance[a_rows[r], account]) * market[COLL_VALUE, r]
        if r != reserve and terms[THRESHOLD, mode, r] > 0.0 and value >= NO_VALUE:
            return True
    return False


@inline
def _write_shares(quote, collateral, debt, scaled_collateral, scaled_debt, supply_index, debt_index, written_off):
    repay, seized, fee = np.float64(quote[REPAY]), np.float64(quote[SEIZED]), np.float64(quote[FEE])
    burned = min(scaled_debt, np.int64(np.floor(repay / debt_index)))
    quote[DEBT_BURNED] = scaled_debt if repay >= debt or written_off else burned
    taken = min(scaled_collateral, np.int64(np.ceil((seized - fee) / supply_index)))
    rest = scaled_collateral - taken
    fee_receipts = rest if seized >= collateral else min(rest, np.int64(np.ceil(fee / supply_index)))
    quote[RECEIPTS_BURNED] = taken if fee > 0.0 or seized < collateral else scaled_collateral
    quote[FEE_RECEIPTS] = fee_receipts if fee > 0.0 else 0


@inline
def _quote(balance, a_rows, d_rows, market, terms, mode, rule, request, quote):
    account, c, d = request[ACCOUNT], request[COLLATERAL], request[DEBT]
    health, owed = account_health(balance, a_rows, d_rows, market, terms, account, mode)
    scaled_collateral, scaled_debt = balance[a_rows[c], account], -balance[d_rows[d], account]
    collateral = np.floor(np.float64(scaled_collateral) * market[SUPPLY_INDEX, c])
    debt = np.ceil(np.float64(scaled_debt) * market[DEBT_INDEX, d])
    wanted, of_collateral = np.float64(request[WANTED]), terms[:, mode, c]
    coll_market, debt_market = market[:, c], market[:, d]
    status, repay, seized, fee = settle(
        collateral, debt, wanted, health, owed, of_collateral, coll_market, debt_market, rule
    )
    quote[:] = 0
    quote[STATUS], quote[REPAY], quote[SEIZED], quote[FEE] = status, np.int64(repay), np.int64(seized), np.int64(fee)
    if status != OK:
        return
    worthless = (collateral - seized) * coll_market[PRICE] / coll_market[UNIT] < NO_VALUE
    if worthless and not _others_back(balance, a_rows, market, terms, account, mode, c):
        quote[EMPTIED] = 1
    written_off = quote[EMPTIED] * rule[BOOKS_DEFICIT] > 0.0
    indices = market[SUPPLY_INDEX, c], market[DEBT_INDEX, d]
    _write_shares(quote, collateral, debt, scaled_collateral, scaled_debt, indices[0], indices[1], written_off)


def _health_numpy(balance, a_rows, d_rows, market, terms, accounts, modes):
    weighted, owed = np.zeros(accounts.size), np.zeros(accounts.size)
    for r, (a_row, d_row) in enumerate(zip(a_rows, d_rows, strict=True)):
        weighted += balance[a_row, accounts] * (market[COLL_VALUE, r] * terms[THRESHOLD, modes, r])
        owed -= balance[d_row, accounts] * market[DEBT_VALUE, r]
    return np.where(owed > 0.0, weighted / owed, np.inf), owed


def _limit_numpy(collateral, debt, owed, health, coll_market, debt_market, rule):
    least = np.minimum(collateral * coll_market[PRICE] / coll_market[UNIT],
                       debt * debt_market[PRICE] / debt_market[UNIT])  # fmt: skip
    whole = (health <= rule[FULL_CLOSE_HEALTH]) | (least < rule[FULL_CLOSE_BELOW])
    on_total = np.floor(rule[CLOSE_FACTOR] * owed * debt_market[UNIT] / debt_market[PRICE])
    part = on_total if rule[ON_TOTAL] > 0.0 else np.floor(rule[CLOSE_FACTOR] * debt + 0.5)
    return np.where(whole, debt, np.minimum(debt, part))


def _settle_numpy(collateral, debt, wanted, health, owed, terms, coll_market, debt_market, rule):
    growth = 1.0 + terms[BONUS]
    debt_side, coll_side = debt_market[PRICE] * coll_market[UNIT], coll_market[PRICE] * debt_market[UNIT]
    repay = np.minimum(wanted, _limit_numpy(collateral, debt, owed, health, coll_market, debt_market, rule))
    price_of_all = np.ceil(collateral * coll_side / debt_side / growth)
    seized = np.floor(np.floor(repay * debt_side / coll_side) * growth)
    seized = np.where((repay >= price_of_all) | (seized > collateral), collateral, seized)
    repay = np.where(repay >= price_of_all, price_of_all, repay)
    fee = np.ceil((seized - np.floor(seized / growth)) * (terms[FEE_SHARE] * rule[TAKES_FEE]))
    left_debt, left_collateral = debt - repay, collateral - seized
    small = (left_debt * debt_market[PRICE] / debt_market[UNIT] < rule[MIN_LEFTOVER]) | (
        left_collateral * coll_market[PRICE] / coll_market[UNIT] < rule[MIN_LEFTOVER]
    )
    refusals = {
        HEALTHY: health >= 1.0,
        NOT_COLLATERAL: ~((terms[THRESHOLD] > 0.0) & (collateral >= 1.0)),
        NO_DEBT: debt < 1.0,
        NOTHING: ~((repay >= 1.0) & (seized - fee >= 1.0)),
        DUST: (left_debt > 0.0) & (left_collateral > 0.0) & small,
    }
    status = np.select(list(refusals.values()), list(refusals), OK)
    return status, *(np.where(status == OK, amount, 0.0) for amount in (repay, seized, fee))


def _backed_elsewhere_numpy(balance, a_rows, market, terms, accounts, modes, reserves):
    backed = np.zeros(accounts.size, np.bool_)
    for r, row in enumerate(a_rows):
        value = balance[row, accounts] * market[COLL_VALUE, r]
        backed |= (reserves != r) & (terms[THRESHOLD, modes, r] > 0.0) & (value >= NO_VALUE)
    return backed


def _liquidation_quotes_numpy(balance, a_rows, d_rows, market, terms, category, rule, requests, quotes, deficits):
    accounts, c, d, wanted = requests.T
    modes = category[accounts]
    coll_market, debt_market, of_collateral = market[:, c], market[:, d], terms[:, modes, c]
    scaled_collateral, scaled_debt = balance[a_rows[c], accounts], -balance[d_rows[d], accounts]
    collateral = np.floor(scaled_collateral * coll_market[SUPPLY_INDEX])
    debt = np.ceil(scaled_debt * debt_market[DEBT_INDEX])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        health, owed = _health_numpy(balance, a_rows, d_rows, market, terms, accounts, modes)
        status, repay, seized, fee = _settle_numpy(
            collateral, debt, wanted.astype(np.float64), health, owed, of_collateral, coll_market, debt_market, rule
        )
    ok = status == OK
    gone = (collateral - seized) * coll_market[PRICE] / coll_market[UNIT] < NO_VALUE
    emptied = ok & gone & ~_backed_elsewhere_numpy(balance, a_rows, market, terms, accounts, modes, c)
    written_off = emptied & (rule[BOOKS_DEFICIT] > 0.0)
    burned = np.minimum(scaled_debt, np.floor(repay / debt_market[DEBT_INDEX]).astype(np.int64))
    taken = np.minimum(scaled_collateral, np.ceil((seized - fee) / coll_market[SUPPLY_INDEX]).astype(np.int64))
    to_treasury = np.ceil(fee / coll_market[SUPPLY_INDEX]).astype(np.int64)
    rest, closed = scaled_collateral - taken, seized >= collateral
    quotes[:] = 0
    quotes[:, STATUS] = status
    for column, amount in ((REPAY, repay), (SEIZED, seized), (FEE, fee), (EMPTIED, emptied)):
        quotes[:, column] = amount
    quotes[:, DEBT_BURNED] = np.where((repay >= debt) | written_off, scaled_debt, burned) * ok
    quotes[:, RECEIPTS_BURNED] = np.where((fee > 0.0) | ~closed, taken, scaled_collateral) * ok
    quotes[:, FEE_RECEIPTS] = np.where(closed, rest, np.minimum(rest, to_treasury)) * (fee > 0.0)
    for r, row in enumerate(d_rows):
        left = np.ceil(-balance[row, accounts] * market[DEBT_INDEX, r]) - np.where(d == r, repay, 0.0)
        deficits[:, r] = np.where(written_off, left, 0.0)
    return int(np.count_nonzero(ok))


@kernel(twin=_liquidation_quotes_numpy)
def liquidation_quotes(balance, a_rows, d_rows, market, terms, category, rule, requests, quotes, deficits):
    """Quote liquidations, each on the given balances as if it were the only one.

    Parameters
    ----------
    balance: int64 (tokens, accounts). a_rows, d_rows: (reserves,) both rows of every reserve.
    market: float64 (MARKET_FIELDS, reserves). terms: float64 (TERM_FIELDS, categories, reserves).
    category: uint8 (accounts,). rule: float64 (RULE_FIELDS,).
    requests: int64 (n, REQUEST_FIELDS): account, collateral reserve, debt reserve, atoms of debt to repay at most.
    quotes: int64 (n, QUOTE_FIELDS), overwritten; all zero but the status where the request is refused:
        STATUS one of `STATUS_TEXT`; REPAY atoms of the debt asset the liquidator pays;
        SEIZED atoms of the collateral asset, of which FEE go to the treasury and the rest to the liquidator;
        DEBT_BURNED scaled debt that disappears in the debt reserve, written-off debt included;
        RECEIPTS_BURNED, FEE_RECEIPTS scaled receipts that leave the account for the liquidator and the treasury;
        EMPTIED 1 if the account keeps no collateral of value in any reserve.
    deficits: int64 (n, reserves), overwritten; atoms of each asset still owed by an emptied account, where the rules
        book deficits: the caller then burns all scaled debt of the account. Zero otherwise.

    Returns the number of executable quotes.
    """
    executable = 0
    deficits[:] = 0
    for i in range(requests.shape[0]):
        account = requests[i, ACCOUNT]
        _quote(balance, a_rows, d_rows, market, terms, category[account], rule, requests[i], quotes[i])
        executable += quotes[i, STATUS] == OK
        if quotes[i, EMPTIED] * rule[BOOKS_DEFICIT] > 0.0:
            for r in range(d_rows.size):
                left = np.ceil(np.float64(-balance[d_rows[r], account]) * market[DEBT_INDEX, r])
                deficits[i, r] = np.int64(left) - (quotes[i, REPAY] if r == requests[i, DEBT] else 0)
    return executable


def _best_pairs_numpy(balance, a_rows, d_rows, market, terms, category, rule, accounts, requests, best_quotes):
    n, reserves = accounts.size, a_rows.size
    pairs = np.indices((n, reserves, reserves)).reshape(3, -1)
    trial = np.column_stack([accounts[pairs[0]], pairs[1], pairs[2], -balance[d_rows[pairs[2]], accounts[pairs[0]]]])
    market_c, market_d = market[:, trial[:, COLLATERAL]], market[:, trial[:, DEBT]]
    trial[:, WANTED] = np.ceil(trial[:, WANTED] * market_d[DEBT_INDEX])
    quotes, deficits = np.empty((len(trial), QUOTE_FIELDS), np.int64), np.empty((len(trial), reserves), np.int64)
    book = (balance, a_rows, d_rows, market, terms, category, rule)
    _liquidation_quotes_numpy(*book, trial, quotes, deficits)
    dusty = quotes[:, STATUS] == DUST
    collateral = np.floor(balance[a_rows[trial[:, COLLATERAL]], trial[:, ACCOUNT]] * market_c[SUPPLY_INDEX])
    growth = 1.0 + terms[BONUS, category[trial[:, ACCOUNT]], trial[:, COLLATERAL]]
    with np.errstate(divide="ignore", invalid="ignore"):
        keep_debt = np.ceil(rule[MIN_LEFTOVER] * market_d[UNIT] / market_d[PRICE]) + 1.0
        keep_collateral = np.ceil(rule[MIN_LEFTOVER] * market_c[UNIT] / market_c[PRICE]) + 1.0
        worth = (collateral - keep_collateral) * market_c[PRICE] * market_d[UNIT]
        clear = np.minimum(trial[:, WANTED] - keep_debt, np.floor(worth / (market_d[PRICE] * market_c[UNIT]) / growth))
    trial[:, WANTED] = np.where(dusty, clear, trial[:, WANTED])
    _liquidation_quotes_numpy(*book, trial, quotes, deficits)
    value = (quotes[:, REPAY] * market_d[PRICE] / market_d[UNIT]).reshape(n, -1)
    best = value.argmax(axis=1) + np.arange(n) * reserves * reserves
    requests[:], best_quotes[:] = trial[best], quotes[best]
    none = best_quotes[:, REPAY] == 0
    requests[none, COLLATERAL:], best_quotes[none] = (-1, -1, 0), 0
    return int(np.count_nonzero(~none))


@kernel(twin=_best_pairs_numpy)
def best_pairs(balance, a_rows, d_rows, market, terms, category, rule, accounts, requests, quotes):
    """For each account the (collateral, debt) pair that lets a liquidator repay the most USD, ready to be quoted.

    Where the most a pair allows would leave dust, the pair counts with the most it can repay without.
    Ties go to the lowest collateral reserve, then the lowest debt reserve. The amount requested is what to offer (all
    the debt, or what leaves no dust); the quote says what of it is taken.

    Parameters
    ----------
    accounts: int64 (n,). requests: int64 (n, REQUEST_FIELDS), overwritten with requests for `liquidation_quotes`;
        reserves are -1 and the amount 0 where no pair is executable. quotes: int64 (n, QUOTE_FIELDS), overwritten with
        what `liquidation_quotes` says of them; zero where no pair is executable. Everything else as there.

    Returns the number of accounts with an executable pair.
    """
    found = 0
    request, quote = np.empty(REQUEST_FIELDS, np.int64), np.empty(QUOTE_FIELDS, np.int64)
    book = (balance, a_rows, d_rows, market, terms)
    for i in range(accounts.size):
        best = 0.0
        requests[i, ACCOUNT], requests[i, COLLATERAL], requests[i, DEBT], requests[i, WANTED] = accounts[i], -1, -1, 0
        quotes[i] = 0
        for pair in range(a_rows.size * d_rows.size):
            c, d = pair // d_rows.size, pair % d_rows.size
            if balance[a_rows[c], accounts[i]] <= 0 or balance[d_rows[d], accounts[i]] >= 0:
                continue
            request[ACCOUNT], request[COLLATERAL], request[DEBT] = accounts[i], c, d
            _quote_most(book, category[accounts[i]], rule, request, quote)
            value = np.float64(quote[REPAY]) * market[PRICE, d] / market[UNIT, d]
            if value > best:
                best = value
                requests[i] = request
                quotes[i] = quote
        found += best > 0.0
    return found


@inline
def _quote_most(book, mode, rule, request, quote):
    balance, a_rows, d_rows, market, terms = book
    c, d = request[COLLATERAL], request[DEBT]
    debt = np.ceil(np.float64(-balance[d_rows[d], request[ACCOUNT]]) * market[DEBT_INDEX, d])
    request[WANTED] = np.int64(debt)
    _quote(balance, a_rows, d_rows, market, terms, mode, rule, request, quote)
    if quote[STATUS] == DUST:
        collateral = np.floor(np.float64(balance[a_rows[c], request[ACCOUNT]]) * market[SUPPLY_INDEX, c])
        most = largest_clear(collateral, debt, terms[BONUS, mode, c], market[:, c], market[:, d], rule)
        request[WANTED] = np.int64(max(most, 0.0))
        _quote(balance, a_rows, d_rows, market, terms, mode, rule, request, quote)
