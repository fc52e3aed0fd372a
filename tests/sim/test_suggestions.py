"""How messages name what is allowed."""

from hypothesis import given
from hypothesis import strategies as st

from sim.errors import MOST_NAMES, suggestion

NAMES = st.lists(st.text("abcdef_", min_size=1, max_size=8), unique=True, max_size=80)


@given(st.text("abcdef_", max_size=8), NAMES)
def test_all_names_or_the_nearest_of_very_many(found, allowed):
    listed = suggestion(found, allowed).split("Allowed: ")[1].split(", ")
    if len(allowed) > MOST_NAMES:
        assert listed.pop() == f"and {len(allowed) - 10} others" and len(listed) == 10 and set(listed) <= set(allowed)
    else:
        assert listed == (allowed or ["(nothing)"])


def test_the_nearest_comes_first_of_very_many():
    many = [f"outcome_{number}" for number in range(200)]
    text = suggestion("outcome_77x", many)
    assert text.startswith('; did you mean "outcome_77"? Allowed: outcome_77, ') and text.endswith("and 190 others")
