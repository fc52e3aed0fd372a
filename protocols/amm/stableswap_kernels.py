"""StableSwap of two tokens in whole numbers, every rounding in the pool's favour.

Egorov (2019): A n^n S + D = A D n^n + D^(n+1) / (n^n prod x) with n = 2. As in the contracts of Curve, `ann` is A * n
for their parameter A, which is the paper's times n^(n-1). Balances x and y are in units of equal value; Newton's method
finds both roots, and what counts as the root is defined in whole numbers, so that any solver finds the same.

Curve rounds D down and takes one unit off the output in exchange; here D is rounded up and so is the balance that has
to stay, which needs no such unit. Functions on float64 at the end serve prices, which no payment depends on.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

from protocols.amm.rounding import OUTSIDE, RESERVE_LIMIT, product_over, product_over_up, two_products
from sim.jit import inline

ROUNDS = 255
_LIMIT = 2**60
RATE_UNIT = 10**9
"""Denominator of the rate that turns asset atoms into units of the numeraire's atoms."""


@inline
def balance_limit(ann):
    """Most units that both balances may have together for exact results."""
    return min(RESERVE_LIMIT, _LIMIT // int(ann))


@inline
def _excess(d, x, y):
    """D^3 / 4xy, rounded down twice, or OUTSIDE. The smaller balance divides first, so that little is lost."""
    part = product_over(d, d, 2 * min(x, y))
    return product_over(part, d, 2 * max(x, y)) if part >= 0 else OUTSIDE


@inline
def invariant(x, y, ann):
    """Least D with floor(floor(D^2 / 2x) D / 2y) + (ann - 1) D >= ann (x + y), x <= y: hardly above the true one.

    OUTSIDE for balances that are not positive, beyond `balance_limit`, or too unequal for whole numbers.
    """
    x, y, ann = int(x), int(y), int(ann)
    if x <= 0 or y <= 0 or x > balance_limit(ann) or y > balance_limit(ann) - x:
        return OUTSIDE
    sum_ = ann * (x + y)
    d = x + y
    for _ in range(ROUNDS):
        power = _excess(d, x, y)
        if power < 0 or power >= _LIMIT // 4:
            return OUTSIDE
        following = product_over(sum_ + 2 * power, d, (ann - 1) * d + 3 * power)
        if following < 0:
            return OUTSIDE
        if following >= d:
            break
        d = following
    while _excess(d, x, y) + (ann - 1) * d < sum_:
        d += 1
    while _excess(d - 1, x, y) + (ann - 1) * (d - 1) >= sum_:
        d -= 1
    return d


@inline
def other_balance(x, d, ann, guess):
    """Least y with ann y^2 + (ann (x - D) + D) y >= ceil(D^2 / 4x) D: what has to stay beside x.

    guess: where to begin, such as the balance that stands. OUTSIDE where no such y is within the exact range.
    """
    x, d, ann, y = int(x), int(d), int(ann), int(guess)
    limit = balance_limit(ann)
    if x <= 0 or d <= 0 or y <= 0 or x > limit or y > limit or d > limit:
        return OUTSIDE
    part, linear = product_over_up(d, d, 4 * x), ann * (x - d) + d
    if part < 0:
        return OUTSIDE
    if 2 * ann * y + linear <= 0:
        y = d
    falling = False
    for _ in range(ROUNDS):
        following = two_products(ann * y, y, part, d, 2 * ann * y + linear)
        if following < 0 or following > limit:
            return OUTSIDE
        if falling and following >= y:
            break
        y, falling = following, True
    while y > 0 and ann * y * y + linear * y - part * d >= 0:
        y -= 1
    while ann * y * y + linear * y - part * d < 0:
        y += 1
    return y


@inline
def quote(amount, sells, held, money, rate, ann, fee_num, fee_den):
    """Atoms a pool pays for exactly `amount` of the asset (sells) or of the numeraire, less the fee on the output.

    held, money: atoms of asset and numeraire. rate: units of the numeraire's atoms per RATE_UNIT asset atoms.
    0 if the output would be less than an atom; OUTSIDE beyond the exact range.
    """
    amount, held, money, rate, ann = int(amount), int(held), int(money), int(rate), int(ann)
    if amount <= 0 or amount > RESERVE_LIMIT or held <= 0 or held > RESERVE_LIMIT or money <= 0:
        return OUTSIDE
    units = product_over_up(held, rate, RATE_UNIT)
    d = invariant(units, money, ann) if units > 0 else OUTSIDE
    if d < 0:
        return OUTSIDE
    if sells:
        stays = other_balance(product_over(held + amount, rate, RATE_UNIT), d, ann, money)
        gross = money - stays
    else:
        stays = other_balance(money + amount, d, ann, units)
        gross = held - product_over_up(stays, RATE_UNIT, rate) if stays >= 0 else 0
    if stays < 0:
        return OUTSIDE
    return product_over(gross, int(fee_num), int(fee_den)) if gross > 0 else 0


@inline
def input_for(amount, sells, held, money, rate, ann, fee_num, fee_den):
    """Input, in atoms, that brings `amount` but for a unit or two; OUTSIDE if the pool does not have that much."""
    amount, held, money, rate, ann = int(amount), int(held), int(money), int(rate), int(ann)
    if amount <= 0 or amount > RESERVE_LIMIT or held <= 0 or held > RESERVE_LIMIT or money <= 0:
        return OUTSIDE
    gross = product_over_up(amount, int(fee_den), int(fee_num))
    units = product_over_up(held, rate, RATE_UNIT)
    d = invariant(units, money, ann) if units > 0 else OUTSIDE
    if d < 0 or gross < 0 or gross >= (money if sells else held):
        return OUTSIDE
    if sells:
        needed = other_balance(money - gross, d, ann, units)
        return product_over_up(needed, RATE_UNIT, rate) + 1 - held if needed >= 0 else OUTSIDE
    left = product_over(held - gross, rate, RATE_UNIT)
    needed = other_balance(left, d, ann, money) if left > 0 else OUTSIDE
    return max(needed - money, 1) if needed >= 0 else OUTSIDE


@inline
def real_invariant(x, y, ann):
    """D of two real balances."""
    d = x + y
    for _ in range(ROUNDS):
        power = d * d / (2.0 * x) * d / (2.0 * y)
        following = (ann * (x + y) + 2.0 * power) * d / ((ann - 1.0) * d + 3.0 * power)
        if following >= d:
            break
        d = following
    return d


@inline
def real_balance(x, d, ann):
    """y that belongs to x and D, all real."""
    part, linear = d * d / (4.0 * x) * d, ann * (x - d) + d
    # The root of ann y^2 + linear y = part, in the form that does not cancel.
    root = (linear * linear + 4.0 * ann * part) ** 0.5
    return 2.0 * part / (linear + root) if linear > 0.0 else (root - linear) / (2.0 * ann)


@inline
def marginal_price(x, y, ann):
    """Units of y that the pool pays for one of x at the margin, without fee: the ratio of the partial derivatives."""
    power = real_invariant(x, y, ann) ** 3 / (4.0 * x * y)
    return (ann + power / x) / (ann + power / y)


@inline
def input_to_move(x, y, ann, kept, price):
    """Units of x that bring the marginal price down to `price` while the fee on the output stays; 0 if it is there."""
    if marginal_price(x, y, ann) <= price:
        return 0.0
    d = real_invariant(x, y, ann)
    low, high = 0.0, x
    for _ in range(ROUNDS):
        if _price_after(high, x, y, d, ann, kept) <= price:
            break
        low, high = high, 2.0 * high
    for _ in range(ROUNDS):
        middle = 0.5 * (low + high)
        if middle <= low or middle >= high:
            break
        if _price_after(middle, x, y, d, ann, kept) > price:
            low = middle
        else:
            high = middle
    return low


@inline
def _price_after(amount, x, y, d, ann, kept):
    return marginal_price(x + amount, y - kept * (y - real_balance(x + amount, d, ann)), ann)
