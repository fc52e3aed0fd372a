"""QuantLib's flat markets, as an independent oracle."""

import pytest
import QuantLib as ql  # noqa: N813

TODAY = ql.Date(1, 1, 2024)
DAYS = ql.Actual365Fixed()


class Flat:
    """A spot, flat curves and a flat volatility in QuantLib."""

    def __init__(self, spot, rate, dividend, volatility=0.5):
        ql.Settings.instance().evaluationDate = TODAY
        self.spot = ql.QuoteHandle(ql.SimpleQuote(spot))
        self.rate = ql.YieldTermStructureHandle(ql.FlatForward(TODAY, rate, DAYS))
        self.dividend = ql.YieldTermStructureHandle(ql.FlatForward(TODAY, dividend, DAYS))
        flat = ql.BlackConstantVol(TODAY, ql.NullCalendar(), volatility, DAYS)
        surface = ql.BlackVolTermStructureHandle(flat)
        self.process = ql.BlackScholesMertonProcess(self.spot, self.dividend, self.rate, surface)

    @staticmethod
    def exercise(days):
        return ql.EuropeanExercise(TODAY + days)

    @staticmethod
    def plain(strike, is_call=True):
        return ql.PlainVanillaPayoff(ql.Option.Call if is_call else ql.Option.Put, float(strike))

    def strip(self, engine, strikes, days):
        """Prices of calls."""
        found = []
        for strike in strikes:
            option = ql.VanillaOption(self.plain(strike), self.exercise(days))
            option.setPricingEngine(engine)
            found.append(option.NPV())
        return found


@pytest.fixture
def flat():
    return Flat


@pytest.fixture
def within_errors():
    """Whether a sample mean lies within three standard errors of the truth."""

    def check(sample, truth):
        return abs(sample.mean() - truth) <= 3.0 * sample.std(ddof=1) / sample.size**0.5

    return check
