"""The command line: exit codes, what goes where, and that nothing is written when the input is wrong."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from experiments.commands import bench, progress, view
from experiments.commands.progress import Lines
from experiments.provenance import ROOT
from experiments.store import open_folder
from sim.errors import ConfigError

COMMANDS = (
    "run", "sweep", "verify", "query", "steward", "calibrate", "check", "list", "schema", "phases", "plot", "analyse",
    "compare", "report", "explain", "view", "bench",
)  # fmt: skip
QUICK = ("--no-report", "--workers", 1)
BREAKER = """\
from sim.errors import {error}
from sim.interfaces import Population
from sim.registry import component

@component("population", "{kind}")
class Breaker(Population):
    "Raises in every replication but the first."

    def decide(self, view, draws):
        if view._world.streams.replication and view.tick == 5:
            raise {error}("it broke")
        return []
"""


def breaker(home, error):
    """A plug-in whose population fails in replication 1, and a config that uses it."""
    kind = f"breaker_{error.lower()}"
    (home / f"{kind}.py").write_text(BREAKER.format(error=error, kind=kind))
    (home / "broken.toml").write_text(f'extends = "toy.toml"\n[[agents]]\nname = "b"\nkind = "{kind}"\ncount = 1\n')
    return f"{kind}.py"


# Help -----------------------------------------------------------------------------------------------------------------


def test_help_lists_every_command(spillover):
    code, out, err = spillover("--help")
    assert code == 0 and not err
    assert [line.split()[0] for line in out.split("Commands:")[1].splitlines() if line.strip()] == list(COMMANDS)
    assert spillover() == (0, out, "")


@pytest.mark.parametrize("command", COMMANDS[:-1])
def test_every_command_says_what_it_does(spillover, command):
    code, out, _ = spillover(command, "--help")
    assert code == 0 and out.startswith(f"Usage: spillover {command}")
    assert "..." not in out.split("Options:")[0].replace("[OPTIONS]", "")


def test_help_loads_nothing_heavy(child_environment):
    heavy = {"numpy", "numba", "pandas", "pyarrow", "mesa", "matplotlib", "pydantic", "rich", "jinja2"}
    code = f"""
import sys
from experiments.cli import app
try:
    app(["--help"])
finally:
    print(sorted({heavy!r} & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=child_environment)
    assert done.returncode == 0 and done.stderr.strip() == "[]"


def test_version(spillover):
    code, out, _ = spillover("--version")
    assert code == 0 and out.startswith("spillover ") and f"Python {sys.version_info[0]}.{sys.version_info[1]}" in out


# Run ------------------------------------------------------------------------------------------------------------------


def test_a_run_prints_its_outcomes_and_its_place(spillover, home):
    code, out, err = spillover("run", "toy.toml", "--seed", 3, "--replications", 1, "--out", "here", *QUICK)
    assert code == 0
    lines = [line.rstrip() for line in out.splitlines()]
    assert lines[0] == "toy: 1 run of 40 ticks, seed 3" and lines[-1] == "Folder: here"
    folder = open_folder(home / "here")
    row = folder.runs.iloc[0]
    assert f"Largest fall of ETH         {row['drawdown.ETH']:.1%}".split() in [line.split() for line in lines]
    noise = next(line.split() for line in lines if line.startswith("noise"))
    assert noise[1].replace("−", "-") == f"{row['noise.return']:.1%}"
    assert "held." not in out and "nan" not in out
    assert any("further outcomes: --json prints all, here/runs.parquet holds all" in line for line in lines)
    assert err.splitlines()[0] == "toy: running 1 replication of 40 ticks" and "done in" in err
    assert folder.manifest["command"][0] == "spillover" and folder.manifest["source"] == "toy.toml"


def test_several_runs_show_their_spread(spillover, home):
    _, out, _ = spillover("run", "toy.toml", "--replications", 4, "--out", "here", *QUICK)
    assert out.splitlines()[1].split() == ["median", "5%", "95%"]
    falls = open_folder(home / "here").runs["drawdown.ETH"].quantile([0.5, 0.05, 0.95])
    line = next(line for line in out.splitlines() if line.startswith("Largest fall of ETH"))
    assert line.split()[-3:] == [f"{fall:.1%}" for fall in falls]


def test_json_is_all_there_is_on_stdout(spillover, home):
    words = ("run", "toy.toml", "--json", "--out", "here", "--set", "agents.noise.count=3", *QUICK)
    code, out, _ = spillover(*words)
    data = json.loads(out)
    assert code == 0 and (data["folder"], data["report"], data["status"]) == ("here", None, "complete")
    assert [run["param.agents.noise.count"] for run in data["runs"]] == [3, 3]
    low, middle, high = (data["summary"]["drawdown.ETH"][key] for key in ("p5", "median", "p95"))
    assert low <= middle <= high
    assert data["runs"][0]["error"] is None and "NaN" not in out


def test_folders_nobody_named_are_numbered(spillover, home):
    places = []
    for seed in (1, 2, 1, 2):
        _, out, _ = spillover("run", "toy.toml", "--seed", seed, "--json", *QUICK)
        places.append(json.loads(out)["folder"])
    assert places == ["runs/toy", "runs/toy-2", "runs/toy", "runs/toy-2"]


def test_the_report_is_written_unless_nothing_finished(spillover, home, monkeypatch):
    pages = []
    monkeypatch.setattr("experiments.report.write", lambda path: pages.append(path) or path / "report.html")
    _, out, _ = spillover("run", "toy.toml", "--out", "here", "--workers", 1)
    assert out.splitlines()[-1].strip() == "Report: here/report.html" and len(pages) == 1
    spillover("run", "toy.toml", "--out", "there", *QUICK)
    assert len(pages) == 1


def test_failed_runs_exit_3_and_are_named(spillover, home):
    plugin = breaker(home, "PhaseError")
    code, out, err = spillover("run", "broken.toml", "--plugin", plugin, "--out", "here", *QUICK)
    assert code == 3 and out.startswith("toy: 1 run of 40 ticks")
    assert "replication 1 failed: PhaseError: it broke (in phase decide of tick 5)" in err.splitlines()
    assert open_folder(home / "here").manifest["plugins"] == [plugin]


def test_workers_know_the_plugins(spillover, home, child_environment):
    plugin = breaker(home, "PhaseError")
    words = ("run", "broken.toml", "--plugin", plugin, "--out", "here", "--no-report", "--workers", 2)
    code, _, _ = spillover(*words, "--replications", 3)
    assert code == 3 and open_folder(home / "here").replications == [0]


def test_a_broken_invariant_exits_4(spillover, home):
    code, _, err = spillover("run", "broken.toml", "--plugin", breaker(home, "InvariantError"), "--out", "here", *QUICK)
    assert code == 4 and "InvariantError: it broke" in err


# Mistakes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["run", "quickstrat"], ['no config file or preset "quickstrat"; did you mean "quickstart"?']),
        (["run", "toy.toml", "--set", "agents.nose.count=0"], ['agents has no item "nose"; did you mean "noise"?']),
        (["run", "toy.toml", "--set", "run.seed=x", "--set", "run.dt=-1"], ["run.dt: ", 'run.seed: found "x"']),
        (["run", "toy.toml", "--plugin", "no.py"], ['no plug-in file "no.py"']),
        (["run", "toy.toml", "--out", "toy.toml"], ['--out "toy.toml": "toy.toml" is a file']),
        (["check", "toy.toml", "--set", "agents.noise.count=-4"], ["found -4; must be at least 0"]),
        (["list", "proces"], ['no family "proces"; did you mean "process"?']),
        (["explain", "nowhere"], ['"nowhere" is no output folder of Spillover: it does not exist']),
        (["plot", "nowhere"], ['"nowhere" is no output folder']),
        (["report", "nowhere"], ['"nowhere" is no output folder']),
        (["view", "nowhere"], ['"nowhere" is no output folder']),
        (["phases", "."], ["is no output folder"]),
    ],
)
def test_wrong_input_is_one_line_each_and_writes_nothing(spillover, home, words, lines):
    before = sorted(home.rglob("*"))
    code, out, err = spillover(*words)
    assert code == 2 and out == "" and len(err.splitlines()) == len(lines)
    for line, part in zip(err.splitlines(), lines, strict=True):
        assert part in line
    assert sorted(home.rglob("*")) == before


def test_a_place_that_cannot_be_written_is_named(spillover, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied", "locked/manifest.json")

    monkeypatch.setattr("experiments.commands.verify.verify", refuse)
    code, _, err = spillover("verify", "locked")
    assert code == 2 and err.startswith('"locked/manifest.json" cannot be read or written (Permission denied); check')


def test_a_mistake_in_a_file_is_located(spillover, home):
    (home / "toy.toml").write_text((home / "toy.toml").read_text().replace("count = 20", "cuont = 20"))
    code, _, err = spillover("run", "toy.toml")
    assert code == 2 and any(line.startswith("toy.toml:42:1: agents.noise.cuont: ") for line in err.splitlines())


@pytest.mark.parametrize(
    "words", [["run"], ["run", "toy.toml", "--sed", 3], ["runn"], ["run", "toy.toml", "--seed", -1]]
)
def test_wrong_usage_exits_2(spillover, words):
    code, out, err = spillover(*words)
    assert code == 2 and out == "" and "Usage: spillover" in err and "Error: " in err


def test_a_foreign_agents_package_is_explained(spillover, monkeypatch):
    def refuse():
        raise ConfigError('the import package "agents" is not Spillover\'s')

    monkeypatch.setattr("experiments.provenance.check_packages", refuse)
    assert spillover("list") == (2, "", 'the import package "agents" is not Spillover\'s\n')


# Ctrl-C ---------------------------------------------------------------------------------------------------------------


def start(home, environment, *words):
    """A spillover process of its own, with pipes."""
    command = [sys.executable, "-m", "experiments.cli", *map(str, words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=home, env={**environment, "PYTHONUNBUFFERED": "1"}, **pipes)


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_leaves_a_valid_folder_and_exits_130(home, child_environment, workers):
    words = ("run", "toy.toml", "--set", "run.ticks=300000", "--out", "here", "--no-report", "--workers", workers)
    with start(home, child_environment, *words) as process:
        assert process.stderr.readline() == "toy: running 2 replications of 300,000 ticks\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and out == ""
    assert err.splitlines()[-1] == "Interrupted. here: 0 of 2 replications are finished."
    folder = open_folder(home / "here")
    assert folder.manifest["status"] == "interrupted" and folder.replications == []


def test_ctrl_c_before_the_first_tick_writes_nothing(spillover, home, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments.run.build", interrupt)
    code, _, err = spillover("run", "toy.toml", "--out", "here", *QUICK)
    assert code == 130 and err == "Interrupted before anything was written.\n" and not (home / "here").exists()


# Progress -------------------------------------------------------------------------------------------------------------


def test_a_line_every_30_seconds(monkeypatch, capsys):
    clock = iter([0.0, 0.0, 10.0, 29.0, 30.0, 30.0, 30.0, 59.0, 61.0, 61.0, 61.0, 100.0])
    monkeypatch.setattr(progress, "monotonic", lambda: next(clock))
    with Lines("toy", 100, 2) as report:
        for ticks, runs in ((1, 0), (20, 0), (50, 0), (80, 0), (150, 1)):
            report(ticks, runs)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "toy: running 2 replications of 100 ticks" and lines[-1].startswith("toy: done in ")
    assert 3 <= len(lines) <= 4 and all("%, " in line and line.endswith(" left") for line in lines[1:-1])


def test_a_bar_on_a_terminal(monkeypatch):
    master, slave = os.openpty()
    with open(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with progress.reporter("toy", 40, 2) as report:
            report(40, 1)
            report.stage("writing the report")
            report(80, 2)
    shown = b""
    with contextlib.suppress(OSError):  # the end of a terminal whose other side is closed
        while chunk := os.read(master, 4_096):
            shown += chunk
    os.close(master)
    shown = shown.decode()
    assert "toy" in shown and "replication 2 of 2" in shown and "100%" in shown


# The other commands ---------------------------------------------------------------------------------------------------


def test_check_says_what_would_run(spillover, home):
    code, out, err = spillover("check", "toy.toml")
    assert (code, err) == (0, "") and out.startswith("toy.toml is valid: 40 ticks of 1 minute, 2 assets, 1 protocol")
    code, out, _ = spillover("check", "toy.toml", "--json")
    data = json.loads(out)
    assert data["valid"] and len(data["run_key"]) == 64 and data["config"]["run"]["ticks"] == 40
    assert sorted(home.iterdir()) == [home / "toy.toml"]


def test_check_tells_programs_where(spillover, home):
    (home / "toy.toml").write_text((home / "toy.toml").read_text().replace("count = 20", "count = -1"))
    code, out, err = spillover("check", "toy.toml", "--json")
    [problem] = json.loads(out)["problems"]
    assert code == 2 and err == ""
    assert (problem["source"], problem["line"], problem["path"]) == ("toy.toml", 42, "agents.noise.count")
    code, out, _ = spillover("check", "nothing.toml", "--json")
    assert code == 2 and "no config file" in json.loads(out)["problems"][0]["text"]


def test_list_names_what_configs_can_name(spillover):
    code, out, _ = spillover("list", "--json")
    found = json.loads(out)
    assert code == 0 and {"quickstart", "may_2021"} <= found["presets"].keys()
    assert found["process"]["gbm"] == "Constant drift and volatility; no fat tails and no clustering."
    assert all(found[family] for family in ("protocol", "oracle", "population", "rule", "trigger", "metric", "plot"))
    _, out, _ = spillover("list", "shock")
    assert "price_jump" in out and "gbm" not in out


def test_schema_is_a_schema(spillover):
    code, out, _ = spillover("schema")
    assert code == 0 and json.loads(out)["$schema"].startswith("https://json-schema.org/")


def test_phases_print_the_tick_table(spillover, crash):
    names = open_folder(crash).world["phases"]
    code, out, _ = spillover("phases")
    assert code == 0 and [line.split()[1] for line in out.splitlines() if line[:1].isdigit()] == names
    _, out, _ = spillover("phases", crash, "--json")
    rows = json.loads(out)
    assert [row["name"] for row in rows] == names and sum(row["share"] for row in rows) == pytest.approx(1)
    _, out, err = spillover("phases", "toy.toml", "--json")
    assert all(row["seconds"] > 0 for row in json.loads(out)) and "running 1 replication" in err


def test_phases_of_a_run_that_fails(spillover, home):
    plugin = breaker(home, "LedgerError")
    (home / plugin).write_text((home / plugin).read_text().replace("view._world.streams.replication and ", ""))
    code, out, err = spillover("phases", "broken.toml", "--plugin", plugin)
    assert code == 3 and out == "" and "the run failed: LedgerError: it broke" in err


def test_pictures_are_drawn_where_asked(spillover, crash, home):
    code, out, _ = spillover("plot", crash, "price", "--out", "pictures", "--format", "png")
    assert code == 0 and out.strip() == "pictures/price.png"
    assert (home / "pictures" / "price.png").read_bytes()[:4] == b"\x89PNG"
    code, out, _ = spillover("plot", crash, "--out", "all", "--json")
    drawn = json.loads(out)
    assert code == 0 and drawn["health"] == ["all/health.svg", "all/health.png"]
    assert all((home / path).stat().st_size for paths in drawn.values() for path in paths)
    code, _, err = spillover("plot", crash, "prise")
    assert code == 2 and 'no picture "prise"; did you mean "price"?' in err


def test_view_serves_the_report_and_nothing_else(tmp_path):
    page = tmp_path / "report.html"
    page.write_text("<p>ok</p>")
    (tmp_path / "secret.txt").write_text("no")
    with view.server(page, 0) as server, ThreadPoolExecutor(1) as thread:
        thread.submit(server.serve_forever)
        host, port = server.server_address
        assert host == "127.0.0.1"
        for name in ("", "report.html", "?a=1"):
            assert urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}").read() == b"<p>ok</p>"
        for name in ("secret.txt", "../secret.txt"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}")
        with pytest.raises(
            ConfigError, match=rf"--port {port}: cannot be used \(Address already in use\); try --port 0"
        ):
            view.server(page, port)
        server.shutdown()


def test_view_ends_with_ctrl_c(spillover, home, child_environment):
    spillover("run", "toy.toml", "--out", "here", *QUICK)
    (home / "here" / "report.html").write_text("<p>ok</p>")
    with start(home, child_environment, "view", "here", "--port", 0) as process:
        line = process.stdout.readline()
        assert line.startswith("http://127.0.0.1:") and "Ctrl-C ends" in line
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0 and err == ""


def test_bench_belongs_to_a_checkout(spillover, monkeypatch, tmp_path):
    assert (ROOT / "benchmarks" / "run.py").is_file()
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    code, _, err = spillover("bench", "mesa")
    assert code == 2 and "they come with the source checkout" in err
