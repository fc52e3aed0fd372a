"""Arbitrageurs: trade pools back to the price of a reference market and hedge there."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from agents.shared.state import column
from agents.shared.trading import NUMERAIRE, Desk, lognormal_usd, usd_to_atoms
from sim.chain import GAS, GWEI
from sim.fields import AssetName, NonNegative, Positive, ProtocolName, Share
from sim.flows import Motive
from sim.intents import Act, Intent
from sim.interfaces import Endowment, Population
from sim.quotes import MarketQuote
from sim.registry import component
from sim.rng import Draws
from sim.views import View
