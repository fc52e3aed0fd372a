"""Acceptance 6 of issue 4: depth and volatility of a synthetic record are found again (parameter_recovery.py: 20)."""

import pytest

from tests.validation.parameter_recovery import recover


@pytest.mark.slow
def test_depth_and_volatility_of_a_record_are_found_within_a_tenth_and_their_intervals_cover_them(tmp_path):
    found, fit = recover(1, tmp_path, workers=2)
    assert max(abs(error) for error in found.errors) < 0.10
    assert all(found.covers)
    assert all(parameter.high / parameter.low < 1.5 for parameter in fit.parameters), "intervals say something"
