"""Numbers as people read them: dollars, percentages, counts."""

import math

_SCALES = ((1e9, "B"), (1e6, "M"), (1e3, "k"))


def usd(value: float) -> str:
    """A USD amount with three significant digits at most and a scale letter: $84.1M, $930, −$1.2k."""
    if not math.isfinite(value):
        return "n/a"
    sign, size = ("\N{MINUS SIGN}" if value < 0 else ""), abs(value)
    for scale, letter in _SCALES:
        if size >= 0.9995 * scale:
            return f"{sign}${_short(size / scale)}{letter}"
    return f"{sign}${_short(size)}" if size >= 0.005 else "$0"


def _short(size: float) -> str:
    digits = 0 if size >= 99.95 else 1 if size >= 9.995 else 2
    text = f"{size:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def price(value: float) -> str:
    """A price in USD, with cents below 1,000 and more digits below 1."""
    if not math.isfinite(value):
        return "n/a"
    if abs(value) >= 1000:
        return f"${value:,.0f}"
    return f"${value:,.2f}" if abs(value) >= 1 else f"${value:.4g}"


def percent(share: float, digits: int = 1) -> str:
    """A share of one as a percentage: 0.321 is 32.1%."""
    if not math.isfinite(share):
        return "n/a"
    rounded = round(100 * share, digits) or 0.0
    return f"{rounded:,.{digits}f}%".replace("-", "\N{MINUS SIGN}")


def points(share: float) -> str:
    """A difference of shares in percentage points, without its sign: -0.063 is "6.3 points"."""
    return f"{abs(100 * share):.1f} points"


def signed(number: float, digits: int = 1) -> str:
    """A number with its sign, a true minus included: +2.1, −445.1; what rounds to zero has none."""
    rounded = round(number, digits)
    return f"{rounded:+.{digits}f}".replace("-", "\N{MINUS SIGN}") if rounded else f"{0:.{digits}f}"


def count(number: float, noun: str) -> str:
    """A number of things: "1 run", "2,310 liquidations"."""
    return f"{number:,.0f} {noun}{'' if round(number) == 1 else 's'}"


def duration(seconds: float) -> str:
    """A time span in its natural unit: "10 minutes", "1.5 hours", "6 days"."""
    for size, noun in ((86_400.0, "day"), (3600.0, "hour"), (60.0, "minute")):
        if seconds >= 2 * size or seconds == size:
            return _span(seconds / size, noun)
    return _span(seconds, "second")


def _span(number: float, noun: str) -> str:
    text = f"{number:.3g}"
    return f"{text} {noun}{'' if text == '1' else 's'}"
