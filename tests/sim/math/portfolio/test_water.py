import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.math.portfolio.water import water_fill


def falling(top, steepness):
    """A yield that falls from `top` towards zero."""
    return lambda amount: top / (1.0 + steepness * amount)


@given(
    st.lists(st.tuples(st.floats(0.01, 0.2), st.floats(1e-3, 1.0)), min_size=1, max_size=6),
    st.floats(0.1, 1e3),
    st.floats(0.0, 0.05),
)
def test_what_is_held_yields_the_same_and_what_is_not_yields_less(terms, money, hurdle):
    curves = [falling(*each) for each in terms]
    shares = water_fill(curves, money, hurdle)
    assert (shares >= 0.0).all()
    assert shares.sum() <= 1.0 + 1e-9
    yields = np.array([curve(np.array([share * money]))[0] for curve, share in zip(curves, shares, strict=True)])
    spent = shares.sum() > 1.0 - 1e-6
    level = yields[shares > 1e-6].mean() if spent else hurdle
    assert yields[shares > 1e-6] == pytest.approx(level, rel=1e-6, abs=1e-9)
    assert (yields[shares <= 1e-6] <= level * (1.0 + 1e-6)).all()


def test_two_equal_curves_share_equally_and_a_closed_form_holds():
    assert water_fill([falling(0.1, 0.01)] * 2, 100.0) == pytest.approx([0.5, 0.5], abs=1e-6)
    # 0.1 / (1 + 0.01 x) = 0.05 / (1 + 0.01 (300 - x)) at x = 700 / 3
    assert water_fill([falling(0.1, 0.01), falling(0.05, 0.01)], 300.0) == pytest.approx([7 / 9, 2 / 9], abs=1e-5)


def test_constant_yields_take_what_falls_below_them_and_share_it():
    def constant(x):
        return np.full(x.size, 0.05)

    shares = water_fill([falling(0.1, 0.01), constant, constant], 400.0)
    assert shares == pytest.approx([0.25, 0.375, 0.375], abs=1e-4)


def test_below_the_hurdle_and_of_what_nothing_is_known_nothing_is_held():
    assert water_fill([falling(0.04, 0.01), None], 100.0, hurdle=0.05).tolist() == [0.0, 0.0]
    assert water_fill([], 100.0).tolist() == []
    assert water_fill([falling(0.1, 0.01)], 0.0).tolist() == [0.0]
