"""Orders to one pool of concentrated liquidity on the ledger, one after the other.

The shares of a range are its liquidity: one atom of share is one unit of L. Its fees wait in a bucket that belongs to
its shares pro rata, so a deposit pays into the bucket what a withdrawal of as many shares would take out of it.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import math

import numpy as np

from protocols.amm.concentrated_kernels import (
    MOST_LIQUIDITY,
    amount_down,
    amount_up,
    asset_amount,
    clip,
    money_amount,
    swap,
)
from protocols.amm.execution import (
    ADD,
    DONE,
    NO_FUNDS,
    NO_OUTPUT,
    NO_RANGE,
    NOT_SUPPORTED,
    OTHER_SIDE,
    REMOVE,
    SWAP,
    WRONG_TOKENS,
    exchange,
    fits,
    pay_out,
    take_deposit,
)
from protocols.amm.rounding import product_over, product_over_up
from sim.intents import ACCOUNT, ACT, AMOUNT, LIMIT, SUBJECT, TOKEN, TOKEN2
from sim.jit import inline, kernel


@inline
def _affordable(have, each):
    """Shares that `have` atoms pay for at a real cost apiece, with an atom left for each of the two roundings."""
    return max(float(have) - 2.0, 0.0) / each * (1.0 - 2.0**-40) if each > 0.0 else math.inf


@inline
def _add(book, asset, numeraire, shares, pool, account, token, amount, r, bounds, liquidity, buckets, root, event):
    """(status, shares minted) of giving at most `amount` of one token and what matches it of the other."""
    low, high, supply = bounds[r, 0], bounds[r, 1], int(liquidity[r])
    own_asset, own_money = max(book.balance[asset, account], 0), max(book.balance[numeraire, account], 0)
    if amount <= 0 or (own_asset if token == asset else own_money) < amount:
        return NO_FUNDS, 0
    now, due = clip(root, low, high), float(max(supply, 1))
    asset_each, money_each = asset_amount(1, now, high), money_amount(1, low, now)
    if (asset_each if token == asset else money_each) <= 0.0:
        return OTHER_SIDE, 0
    asset_each += float(buckets[r, 0]) / due
    money_each += float(buckets[r, 1]) / due
    by_asset = _affordable(amount if token == asset else own_asset, asset_each)
    by_money = _affordable(own_money if token == asset else amount, money_each)
    minted = int(min(by_asset, by_money, float(MOST_LIQUIDITY)))
    if minted <= 0 or minted > MOST_LIQUIDITY - supply:
        return NO_OUTPUT, 0
    fee0, fee1 = 0, 0
    if supply > 0:
        fee0, fee1 = product_over_up(buckets[r, 0], minted, supply), product_over_up(buckets[r, 1], minted, supply)
        if fee0 < 0 or fee1 < 0:
            return NO_OUTPUT, 0
    given, paid = amount_up(asset_amount(minted, now, high)) + fee0, amount_up(money_amount(minted, low, now)) + fee1
    status = take_deposit(book, asset, numeraire, shares, pool, account, given, paid, minted, event)
    if status == DONE:
        liquidity[r] += minted
        buckets[r, 0] += fee0
        buckets[r, 1] += fee1
    return status, minted


@inline
def _remove(book, asset, numeraire, shares, pool, account, amount, r, bounds, liquidity, buckets, root, event):
    """(status, shares burned)"""
    burned, supply = min(int(amount), int(book.balance[shares, account])), int(liquidity[r])
    if burned <= 0:
        return NO_OUTPUT, 0
    now = clip(root, bounds[r, 0], bounds[r, 1])
    fee0, fee1 = product_over(buckets[r, 0], burned, supply), product_over(buckets[r, 1], burned, supply)
    held = amount_down(asset_amount(burned, now, bounds[r, 1])) + fee0
    money = amount_down(money_amount(burned, bounds[r, 0], now)) + fee1
    if held + money <= 0:
        return NO_OUTPUT, 0
    status = pay_out(book, asset, numeraire, shares, pool, account, burned, held, money, event)
    if status == DONE:
        liquidity[r] -= burned
        buckets[r, 0] -= fee0
        buckets[r, 1] -= fee1
    return status, burned


@inline
def _range_of(token, shares, ranges):
    return token - shares if shares <= token < shares + ranges else -1


@kernel()
def run_concentrated(
    book, ints, reals, asset, numeraire, shares, pool, bounds, state, fee_num, fee_den, scale, event0, out, log_price
):
    """Run orders in block order; each sees the pool the last one left.

    Parameters
    ----------
    shares: ledger row of the shares of range 0; those of the others follow. bounds: (ranges, 2) roots of the lowest and
        highest price of each.
    state: (root, buckets, earned, scratch): float64 (1,) root of the price in atoms; int64 (ranges, 2) atoms of asset
        and numeraire of fees that wait; the same of all fees since the start; int64 (ranges,). All are updated.
    log_price: its first entry becomes the pool's price unless there is no liquidity, when it is left as it is and the
        pool opens there. The others are as in `run_constant_product`.
    """
    root, buckets, earned, fees = state
    ranges = bounds.shape[0]
    liquidity = -book.balance[shares : shares + ranges, pool]
    if liquidity.sum() > 0:
        log_price[0] = 2.0 * math.log(root[0])
    else:
        root[0] = math.exp(0.5 * log_price[0])
    for i in range(ints.shape[0]):
        account, amount, act = ints[i, ACCOUNT], ints[i, AMOUNT], ints[i, ACT]
        sold, bought, event = ints[i, TOKEN], ints[i, TOKEN2], event0 + i
        status, received, moved = NOT_SUPPORTED, 0, False
        if act == SWAP:
            down = sold == asset
            least = np.float64(amount) * reals[i, LIMIT] * (scale if down else 1.0 / scale)
            status = WRONG_TOKENS
            if fits(sold, bought, asset, numeraire):
                after, received = swap(bounds, liquidity, root[0], amount, down, fee_num, fee_den, fees)
                status = exchange(book, sold, bought, pool, account, amount, received, least, event)
                moved = status == DONE
                if moved:
                    root[0] = after
                    buckets[:, 0 if down else 1] += fees
                    earned[:, 0 if down else 1] += fees
        elif act == ADD:
            r = max(ints[i, SUBJECT], 0)
            status = WRONG_TOKENS
            if r >= ranges:
                status = NO_RANGE
            elif sold in (asset, numeraire):
                status, received = _add(
                    book, asset, numeraire, shares + r, pool, account, sold, amount, r, bounds, liquidity, buckets,
                    root[0], event,
                )  # fmt: skip
        elif act == REMOVE:
            r = _range_of(sold, shares, ranges)
            status = WRONG_TOKENS
            if r >= 0:
                status, received = _remove(
                    book, asset, numeraire, shares + r, pool, account, amount, r, bounds, liquidity, buckets, root[0],
                    event,
                )  # fmt: skip
        out[i, 0], out[i, 1] = status, received if status == DONE else 0
        log_price[i + 1] = 2.0 * math.log(root[0]) if moved else log_price[i]
