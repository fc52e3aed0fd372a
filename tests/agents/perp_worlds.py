"""Worlds with a venue of perpetuals on ETH, and with options that share its margin accounts."""

from tests.worlds import DEPTH, make_world

PERPS = """
[[protocols]]
name = "perps"
kind = "perpetuals"
insurance = INSURANCE
fee_to_insurance = 0.0
outside_deleveraged = true
[[protocols.collateral]]
asset = "ETH"
haircut = 0.1
[[protocols.contracts]]
name = "ETH"
underlying = "ETH"
max_leverage = LEVERAGE
impact = IMPACT
fee = 0.0
basis_window = "30d"
[protocols.contracts.funding]
interest = 0.0
[protocols.contracts.book]
daily_volatility = 0.05
daily_volume = 1e5
y = 1.0
"""
CLEARED = """
[[protocols]]
name = "options"
kind = "options"
clearing = "perps"
every = "7d"
expiries = 4
fee = 0.0
half_spread = 0.0
[[protocols.underlyings]]
asset = "ETH"
strikes = [0.8, 0.9, 1.0, 1.1, 1.2]
"""
PATH = """
[[processes]]
name = "eth"
kind = "shock_path"
assets = ["ETH"]
volatility = 0.0
knots = [["30min", 0.0], ["10h", MOVE]]
"""


def perp_world(*more, move=0.0, impact=False, portfolio=False, sets=(), ticks=61, insurance=1e5, leverage=50.0):
    """ETH at 2000 USD that moves to 2000 e^move over ten hours; ticks of ten minutes."""
    text = PERPS.replace("IMPACT", str(impact).lower()).replace("LEVERAGE", str(leverage))
    text = text.replace("INSURANCE", str(float(insurance)))
    if portfolio:
        head, tail = text.split("[[protocols.collateral]]")
        text = f"{head}[protocols.portfolio]\n[[protocols.collateral]]{tail}"
    sets = (f"run.ticks={ticks}", "chain.allowance=0.0", *sets)
    return make_world(PATH.replace("MOVE", str(move)), DEPTH, text, *more, sets=sets)
