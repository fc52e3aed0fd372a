"""Sensitivity indices through the real sweep and analysis, against the closed form of the Ishigami function."""

import json

import pytest

from experiments.catalogue import load_components
from experiments.cli import app
from experiments.exits import FAILED_RUNS, OK, USAGE
from sim import registry
from tests.ishigami import CONFIG, PLUGIN
from tests.sweep_studies import ISHIGAMI_S1, ISHIGAMI_ST

pytestmark = pytest.mark.slow


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run a command line beside the config and the plug-in: exit code, stdout, stderr."""
    load_components()
    known = {family: dict(kinds) for family, kinds in registry._components.items()}
    monkeypatch.setattr(registry, "_components", known)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ishigami.toml").write_text(CONFIG)

    def run(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            app(list(words), prog_name="spillover")
        return (int(ended.value.code or 0), *capsys.readouterr())

    return run


def sweep(samples, plugin):
    """Words of a sweep command."""
    settings = ("--plugin", plugin, "--set", f"sweep.samples={samples}", "--workers", "2", "--out", "out")
    return ("sweep", "ishigami.toml", *settings)


def test_ishigami_indices_through_sweep_and_analyse(command, tmp_path):
    (tmp_path / "ishigami_plugin.py").write_text(PLUGIN)
    assert command(*sweep(1024, "ishigami_plugin.py"))[0] == OK
    code, out, _ = command("analyse", "out", "--no-plots", "--json")
    found = json.loads(out)["outcomes"]["ishigami"]["sensitivity"]
    assert code == OK and found["failed"] == []
    for name, truth in (("S1", ISHIGAMI_S1), ("ST", ISHIGAMI_ST)):
        assert [row[name]["value"] for row in found["axes"]] == pytest.approx(truth, abs=0.02)


def test_one_percent_of_failed_runs_is_refused_with_its_list_or_read_by_other_estimators(command, tmp_path):
    boom = '        if world.shocks[0].x1 > 3.04:\n            raise ValueError("boom")\n'
    broken = PLUGIN.replace("        found = [", f"{boom}        found = [")
    (tmp_path / "broken_plugin.py").write_text(broken)
    assert command(*sweep(64, "broken_plugin.py"))[0] == FAILED_RUNS
    code, _, err = command("analyse", "out", "--no-plots", "--strict")
    assert code == USAGE and "runs of the saltelli design are missing (point " in err and "ValueError: boom" in err
    code, out, _ = command("analyse", "out", "--no-plots", "--json")
    found = json.loads(out)["outcomes"]["ishigami"]["sensitivity"]
    assert code == OK and 1 <= len(found["failed"]) <= 9
    assert found["estimator"].startswith("given data, because runs of the Saltelli design are missing: PAWN")
    assert "S1 and ST are not computed" in found["warning"] and "S1" not in found["axes"][0]
