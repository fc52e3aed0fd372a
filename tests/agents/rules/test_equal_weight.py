import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.rules.equal_weight import EqualWeight


@given(k=st.integers(1, 4), invested=st.floats(0.0, 1.0))
def test_every_asset_gets_the_same_part_of_what_is_invested(look, k, invested):
    weights = EqualWeight(invested=invested).weights(look(np.zeros((5, k))))
    assert weights.shape == (3, k)
    assert (weights == weights[0, 0]).all()
    assert weights.sum(axis=1) == pytest.approx(invested)
