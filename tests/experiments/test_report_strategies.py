"""Primary risk and measured capital efficiency of every population, in reports and lists."""

import json

from experiments.commands.catalogue import components
from experiments.plots import RunView
from experiments.report import render
from experiments.report_tables import population_rows
from experiments.store import open_run
from sim.registry import lookup
from sim.risks import primary_risks
from tests.run_folders import small_run


def test_the_reports_population_table_names_risks_and_ranks_capital_efficiency():
    run = RunView(open_run(small_run()))
    rows = {row["name"]: row for row in population_rows(run)}
    risks = primary_risks()
    assert {row["risk"] for row in rows.values()} <= set(risks.values())
    assert all(row["risk"] == risks[row["kind"]] for row in rows.values())
    values = {name: float(run.outcomes(f"capital_efficiency.{name}").mean()) for name in rows}
    places = {name: int(row["capital"].split("#")[1].rstrip(")")) for name, row in rows.items()}
    assert sorted(places.values()) == list(range(1, len(rows) + 1))
    assert sorted(rows, key=places.get) == sorted(rows, key=lambda name: -values[name])
    text = render(run)
    assert "Primary risk" in text
    assert all(f"<td>{row['risk']}</td>" in text and row["capital"] in text for row in rows.values())


def test_the_list_of_populations_tells_primary_risks(capsys):
    components("population", None, True)
    listed = json.loads(capsys.readouterr().out)["population"]
    assert listed["theta_harvesters"].endswith("[tail risk]")
    ours = [kind for kind in listed if lookup("population", kind).__module__.startswith("agents.")]
    assert len(ours) > 20
    assert all(listed[kind].endswith(" risk]") for kind in ours)
