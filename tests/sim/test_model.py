"""The Mesa face: agents, types, data collection, plain agents with a plain step."""

import gc
import weakref

import mesa
import pytest

from sim.errors import SpilloverError
from sim.events import Kind
from sim.intents import Act
from sim.model import PopulationAgent, Solo, SoloAgent, SpilloverModel
from sim.phases import tick_table
from tests.worlds import AMM, COMMON, DEPTH, STILL, TEST_KINDS, events_of, make_config, make_world, people, run

TOWN = (
    STILL, DEPTH, AMM,
    people("crowd", 5, USD=10.0), people("others", 2, USD=20.0), people("nobody", 0),
    people("loner", kind="loner", ETH=4.0, USD=0.0), people("hermit", kind="hermit", USD=1.0),
)  # fmt: skip


@pytest.fixture
def model():
    return SpilloverModel(make_world(*TOWN))


def test_there_is_one_mesa_agent_per_population_that_has_accounts(model):
    assert isinstance(model, mesa.Model)
    assert [agent.name for agent in model.agents] == ["crowd", "others", "loner", "hermit"]
    assert all(isinstance(agent, mesa.Agent) for agent in model.agents)


def test_agents_by_type_has_one_class_per_behaviour(model):
    groups = {kind.__name__: [agent.name for agent in group] for kind, group in model.agents_by_type.items()}
    assert groups == {"Scripted": ["crowd", "others"], "Loner": ["loner"], "Hermit": ["hermit"]}
    assert {issubclass(kind, SoloAgent) for kind in model.agents_by_type if kind.__name__ in ("Loner", "Hermit")} == {
        True
    }
    assert [kind.__doc__ for kind in model.agents_by_type] == [
        TEST_KINDS[kind].__doc__ for kind in ("scripted", "loner", "hermit")
    ]
    again = SpilloverModel(make_world(*TOWN))
    assert list(again.agents_by_type) == list(model.agents_by_type)


def test_agent_sets_select_get_aggregate_and_do(model):
    crowds = model.agents.select(lambda agent: isinstance(agent, PopulationAgent) and len(agent) > 1)
    assert crowds.get("name") == ["crowd", "others"]
    assert model.agents.agg("count", sum) == 9
    assert crowds.map(lambda agent: agent[1].account) == [crowds.get("lo")[0] + 1, crowds.get("lo")[1] + 1]


def test_the_data_collector_reads_model_and_agents(model):
    collector = mesa.DataCollector(
        model_reporters={"tick": "tick", "price": lambda m: m.world.spot()[1]}, agent_reporters={"n": "count"}
    )
    while model.running:
        model.step()
        collector.collect(model)
    frame = collector.get_model_vars_dataframe()
    assert frame["tick"].tolist() == list(range(1, 13))
    assert frame["price"].iloc[0] > frame["price"].iloc[3]  # the loner's sales
    assert len(collector.get_agent_vars_dataframe()) == 12 * 4


def test_the_model_stops_at_the_end_of_its_run(model):
    seen = []
    model.run(progress=seen.append)
    assert seen == list(range(1, 13))
    assert (model.tick, model.running) == (12, False)
    with pytest.raises(SpilloverError, match=r"all 12 ticks of the run are done; raise run\.ticks for more"):
        model.step()


def test_rows_are_light_views_of_accounts(model):
    crowd = next(iter(model.agents))
    population = model.world.population("crowd")
    row = population[-1]
    assert (row.row, row.account, row.labels) == (4, population.lo + 4, 4)
    population.mood = population.labels * 1.5
    assert row.mood == 6.0
    assert crowd[2].mood == 3.0
    with pytest.raises(AttributeError, match="crowd keeps no temper; it keeps labels, mood"):
        _ = row.temper
    with pytest.raises(IndexError, match="crowd has rows 0 to 4; found 5"):
        population[5]
    assert len(population) == len(crowd) == 5


def test_a_plain_agent_trades_with_a_plain_step():
    world = make_world(*TOWN)
    run(world, 3)
    swaps = events_of(world, Kind.SWAP)
    loner = world.population("loner")
    assert swaps["actor"] == [loner.lo] * 3
    assert swaps["amount"] == [10**8] * 3
    assert loner.balance("ETH") == 10**8 + world.gas_reserve
    assert loner.price("ETH") < 2000.0


def test_a_plain_agent_acts_only_when_the_model_steps(model):
    loner = model.world.population("loner")
    with pytest.raises(SpilloverError, match=r"loner acts when the model steps, not in between; call model.step\(\)"):
        loner.submit(Act.SWAP, "market", "ETH", 1, "USD")
    model.step()
    before = model.world.events.count
    model.agents.do("step")  # what Mesa calls an agent's step has happened in the model's
    assert model.world.events.count == before


def test_a_single_actor_has_one_account():
    with pytest.raises(SpilloverError, match="found 2; a single actor has one account, or none"):
        make_config(COMMON, STILL, DEPTH, people("loner", 2, kind="loner"))
    assert issubclass(TEST_KINDS["loner"], Solo)


def test_a_model_takes_its_own_tick_table():
    table = [phase for phase in tick_table() if phase.name != "decide"]
    model = SpilloverModel(make_world(*TOWN), table)
    model.run()
    assert events_of(model.world, Kind.SWAP)["id"] == []


def test_a_model_that_nobody_holds_is_freed():
    world = make_world(STILL)
    left = weakref.ref(SpilloverModel(world))
    gone = weakref.ref(world)
    del world
    gc.collect()
    assert left() is None and gone() is None
