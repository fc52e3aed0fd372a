"""Losses travel from protocol to protocol along claims, round by round, and are logged where they arrive."""

import numpy as np
import pytest

from experiments.build import build
from experiments.config import load
from sim import contagion, exposure, registry
from sim.events import Kind
from sim.interfaces import Protocol
from sim.registry import component
from sim.tokens import EXTERNAL, TokenKind
from tests.worlds import COMMON, DEPTH, STILL, TEST_KINDS, events_of, make_world, own_registry, people, run

with own_registry():

    @component("protocol", "leaky")
    class Leaky(Protocol):
        """Issues shares against cash and another's shares; loses what a test takes out of it."""

        below: str | None = None
        """Protocol whose shares it holds."""

        def declare(self, world):
            super().declare(world)
            self.token = world.tokens.declare(f"{self.name}.share", TokenKind.CLAIM, 6, self.account).index
            self.hole = 0

        def open(self, world):
            world.ledger.move(self.token, self.account, EXTERNAL, 100_000_000, 0)
            world.ledger.move(0, EXTERNAL, self.account, 50_000_000, 0)
            if self.below:
                token = world.tokens[f"{self.below}.share"].index
                world.ledger.move(token, EXTERNAL, self.account, 40_000_000, 0)

        def exposed(self, world):
            return self.hole > 0

        def absorb(self, world):
            event = world.events.add(Kind.LOSS_ABSORBED, self.account, protocol=self.index, amount=self.hole, cause=0)
            world.ledger.move(0, self.account, EXTERNAL, self.hole, event)
            self.hole = 0
            return True


@pytest.fixture
def tower(tmp_path):
    """top holds mid's shares, mid holds base's, base holds cash."""
    tables = "".join(
        f'[[protocols]]\nname = "{name}"\nkind = "leaky"\n' + (f'below = "{below}"\n' if below else "")
        for name, below in (("base", None), ("mid", "base"), ("top", "mid"))
    )
    file = tmp_path / "tower.toml"
    file.write_text("\n".join([COMMON, STILL, DEPTH, tables, people("ann", USD=1.0)]))
    with own_registry():
        registry._components["protocol"]["leaky"] = Leaky
        registry._components["population"] |= TEST_KINDS
        world = build(load(file))
    exposure.revalue(world)
    return world


def share_values(world):
    return {name: float(world.prices.values[world.tokens[f"{name}.share"].index]) for name in ("base", "mid", "top")}


def test_a_loss_at_the_bottom_impairs_everything_above_it_and_is_on_record(tower):
    before = share_values(tower)
    assert before == pytest.approx({"base": 0.5, "mid": 0.5 + 0.4 * 0.5, "top": 0.5 + 0.4 * 0.7})
    tower.protocol("base").hole = 20_000_000
    run(tower, 1)
    after = share_values(tower)
    assert after == pytest.approx({"base": 0.3, "mid": 0.62, "top": 0.748})
    found = events_of(tower, Kind.CLAIM_IMPAIRED)
    names = [tower.tokens.rows[token].name for token in found["token"]]
    assert names == ["base.share", "mid.share", "top.share"]
    assert found["protocol"] == [tower.protocol(name).index for name in ("base", "mid", "top")]
    assert found["value"] == pytest.approx([20.0, 8.0, 3.2])  # 40% of each storey's loss reaches the next
    assert set(found["cause"]) == set(events_of(tower, Kind.LOSS_ABSORBED)["id"])
    assert set(found["phase"]) == {7}


def test_a_loss_in_the_middle_spares_what_is_below(tower):
    before = share_values(tower)
    tower.protocol("mid").hole = 10_000_000
    run(tower, 1)
    after = share_values(tower)
    assert after["base"] == before["base"]
    assert after["mid"] == pytest.approx(before["mid"] - 0.1)
    assert after["top"] == pytest.approx(before["top"] - 0.04)


def test_a_default_that_opens_another_hole_is_absorbed_in_the_next_round(tower, monkeypatch):
    base, mid = tower.protocol("base"), tower.protocol("mid")
    base.hole = 20_000_000
    absorb = base.absorb

    def and_then(world):
        mid.hole, seen = 5_000_000, absorb(world)
        return seen

    monkeypatch.setattr(base, "absorb", and_then)
    monkeypatch.setattr(tower, "protocols", [mid, *(p for p in tower.protocols if p is not mid)])  # mid is asked first
    run(tower, 1)
    assert events_of(tower, Kind.LOSS_ABSORBED)["round"] == [0, 1]
    assert tower.ledger.balance[0, mid.account] == 45_000_000


def test_quiet_worlds_are_left_alone():
    world = make_world(STILL, DEPTH, people("ann", USD=1.0))
    before = world.prices.values.copy()
    assert contagion.absorb_losses(world) is False
    assert np.array_equal(world.prices.values, before)
