"""Planted mistakes: each gives one line that says where, what was found and what is allowed."""

import pytest

from experiments.config import ConfigProblems, load


def place(text: str, token: str) -> str:
    """file:line:column of a piece of market.toml that is there once."""
    before = text[: text.index(token)]
    return f"market.toml:{before.count(chr(10)) + 1}:{len(before) - (before.rfind(chr(10)) + 1) + 1}"


def complaints(*sets: str) -> list[str]:
    with pytest.raises(ConfigProblems) as caught:
        load("market.toml", sets)
    assert str(caught.value).split("\n") == [str(problem) for problem in caught.value.problems]
    return str(caught.value).split("\n")


MISTAKES = {
    "unknown setting": (
        ("count = 100", "cuont = 3\ncount = 100"),
        "cuont",
        'agents.noise.cuont: unknown setting; did you mean "count"? Allowed: count, rate, venue, follows, name, kind',
    ),
    "unknown setting of a nested component": (
        ('window = "2d"', 'windw = "2d"'),
        "windw",
        'agents.funds.rule.windw: unknown setting; did you mean "window"? Allowed: window, floor, kind',
    ),
    "unknown setting of a nested table": (
        ("ltv = 0.7", "lvt = 0.7"),
        "lvt",
        'protocols.aave.reserves.ETH.lvt: unknown setting; did you mean "ltv"? Allowed: asset, ltv, threshold',
    ),
    "unknown section": (
        ("[record]", "[recrod]"),
        "[recrod]",
        'recrod: unknown section; did you mean "record"? Allowed: run, record, chain, assets, correlations, observed, '
        "sweep, calibrate, quick, processes, protocols, oracles, shocks, agents",
    ),
    "wrong kind": (
        ('kind = "noise"', 'kind = "noize"'),
        '"noize"',
        'agents.noise.kind: unknown population kind "noize"; did you mean "noise"? Allowed: allocator, noise',
    ),
    "wrong nested kind": (
        ('kind = "inverse_volatility"', 'kind = "inverse"'),
        '"inverse"',
        'agents.funds.rule.kind: unknown rule kind "inverse". Allowed: equal, inverse_volatility',
    ),
    "kind that is no text": (
        ('kind = "noise"', "kind = 3"),
        "3\ncount",
        "agents.noise.kind: found 3; must be a population kind. Allowed: allocator, noise",
    ),
    "no kind": (
        ('kind = "walk"\n', ""),
        '[[processes]]\nname = "eth"',
        "processes.eth.kind: missing; every process needs one. Allowed: tape, walk",
    ),
    "negative count": (("count = 100", "count = -1"), "-1\nvenue", "agents.noise.count: found -1; must be at least 0"),
    "above a limit": (
        ("value = 0.8", "value = 1.5"),
        "1.5",
        "correlations.BTC-ETH.value: found 1.5; must be at most 1.0",
    ),
    "bound behind a duration": (
        ('every = "1h"', "every = 0"),
        "0 }]",
        "agents.funds.triggers[0].every: found 0; must be above 0.0",
    ),
    "not a number": (("size = -0.3", "size = nan"), "nan", "shocks.crash.size: found nan; must be a finite number"),
    "infinite": (("size = -0.3", "size = inf"), "inf", "shocks.crash.size: found inf; must be a finite number"),
    "ltv above threshold": (
        ("ltv = 0.7", "ltv = 0.9"),
        "0.9",
        "protocols.aave.reserves.ETH.ltv: 0.9 is above threshold = 0.82",
    ),
    "cross-field rule broken by a default": (
        ("ltv = 0.7\nthreshold = 0.82", "threshold = 0.5"),
        '[[protocols.reserves]]\nasset = "ETH"',
        "protocols.aave.reserves.ETH.ltv: 0.75 is above threshold = 0.5",
    ),
    "refused by the constructor": (
        ("size = -0.3", "size = 0.0"),
        "[[shocks]]",
        "shocks.crash: a jump of size 0 is no jump",
    ),
    "missing token": (
        ('kind = "walk"\nasset = "ETH"', 'kind = "walk"\nasset = "WETH"'),
        '"WETH"',
        'processes.eth.asset: no asset "WETH" under [[assets]]; did you mean "ETH"? Allowed: USDC, ETH, BTC',
    ),
    "missing token as a key": (
        ("BTC = 0.4", "BTCC = 0.4"),
        "BTCC",
        'agents.funds.bounds.BTCC: no asset "BTCC" under [[assets]]; did you mean "BTC"? Allowed: USDC, ETH, BTC',
    ),
    "missing protocol": (
        ('venue = "aave"', 'venue = "aav"'),
        '"aav"',
        'agents.noise.venue: no protocol "aav" under [[protocols]]; did you mean "aave"? Allowed: aave',
    ),
    "missing oracle": (
        ('oracle = "link"', 'oracle = "lnk"'),
        '"lnk"',
        'protocols.aave.oracle: no oracle "lnk" under [[oracles]]; did you mean "link"? Allowed: link',
    ),
    "missing population": (
        ("count = 100", 'count = 100\nfollows = "fund"'),
        '"fund"',
        'agents.noise.follows: no population "fund" under [[agents]]; did you mean "funds"? Allowed: noise, funds',
    ),
    "bad start": (
        ("2021-05-19T00:00:00Z", '"2021-02-30"'),
        '"2021-02-30"',
        'run.start: "2021-02-30" is no date; write UTC like "2021-05-19T12:00:00Z" or "2021-05-19"',
    ),
    "bad moment": (
        ('at = "12h"', 'at = "noon"'),
        '"noon"',
        'shocks.crash.at: "noon" is no moment of the run; write a tick (720), an offset ("6h") or a UTC date '
        '("2021-05-19T00:00:00Z")',
    ),
    "moment outside the run": (
        ('at = "12h"', 'at = "25h"'),
        '"25h"',
        'shocks.crash.at: "25h" is outside the run, at tick 150; allowed: ticks 0 to 143 (2021-05-19T00:00:00Z to '
        "2021-05-19T23:50:00Z)",
    ),
    "moment below its bound": (('at = "12h"', "at = 0"), "0\nsize", "shocks.crash.at: found 0; must be at least 1"),
    "bad duration": (
        ('dt = "10min"', 'dt = "10 minutes"'),
        '"10 minutes"',
        'run.dt: "10 minutes" is no duration; write seconds or a text like "90s", "10min", "8h", "7d"',
    ),
    "no time at all": (('dt = "10min"', "dt = 0"), "0\nstart", "run.dt: found 0; must be longer than 0 seconds"),
    "ticks and duration": (
        ("ticks = 144", 'ticks = 144\nduration = "1d"'),
        "144",
        "run.ticks: give either ticks or duration, one of them",
    ),
    "duration that is no whole number of ticks": (
        ("ticks = 144", 'duration = "95min"'),
        '"95min"',
        "run.duration: 5700 s is no whole number of ticks of 600 s",
    ),
    "run beyond the calendar": (
        ("ticks = 144", "ticks = 1_000_000_000_000"),
        "1_000",
        "run.ticks: 1000000000000 ticks of 600 s end after the year 9999",
    ),
    "duplicate name": (
        ('name = "funds"', 'name = "noise"'),
        '[[agents]]\nname = "noise"\nkind = "allocator"',
        'agents.noise: duplicate name "noise"; the first one is at market.toml:63:1. Names in a list must differ',
    ),
    "name that no path can carry": (
        ('name = "eth"', 'name = "e th"'),
        '"e th"',
        'processes.e th.name: found "e th" (text); a name is a text without spaces, dots, quotes, brackets and =',
    ),
    "missing setting": (
        ("size = -0.3\n", ""),
        "[[shocks]]",
        "shocks.crash.size: missing; this setting has no default",
    ),
    "text for a number": (
        ("count = 100", 'count = "many"'),
        '"many"',
        'agents.noise.count: found "many" (text); must be a whole number',
    ),
    "fraction for a whole number": (
        ("count = 100", "count = 1e2"),
        "1e2",
        "agents.noise.count: found 100.0; must be a whole number",
    ),
    "number for a switch": (
        ("numeraire = true", "numeraire = 1"),
        '1\n\n[[assets]]\nname = "ETH"',
        "assets.USDC.numeraire: found 1; must be true or false",
    ),
    "choice that does not exist": (
        ('oracle = "link"', 'version = "v4"'),
        '"v4"',
        "protocols.aave.version: found \"v4\" (text); must be 'v2' or 'v3'",
    ),
    "pair that is no pair": (
        ("steps = [[1, 0.5],", "steps = [[1],"),
        "[1]",
        "agents.funds.steps[0][1]: missing; this list needs more items",
    ),
    "number for a list": (
        ('networks = [0, "6h", 2021-05-19T23:50:00Z]', "networks = 5"),
        "5\n\n[[assets]]",
        "record.networks: found 5; must be a list",
    ),
    "three ends of a correlation": (
        ('between = ["ETH", "BTC"]', 'between = ["ETH", "BTC", "USDC"]'),
        '["ETH", "BTC", "USDC"]',
        "correlations.BTC-ETH-USDC.between: found a list of 3 items; must have at most 2",
    ),
    "table for a list of tables": (
        ("[[shocks]]", "[shocks]"),
        "[shocks]",
        "shocks: found a table; must be a list: start each item with [[shocks]]",
    ),
    "text for a component": (
        ('rule = { kind = "inverse_volatility", window = "2d" }', 'rule = "equal"'),
        '"equal"',
        'agents.funds.rule: found "equal" (text); must be a table with a kind. Allowed: equal, inverse_volatility',
    ),
    "missing data file": (
        ('file = "prices.csv"', 'file = "price.csv"'),
        '"price.csv"',
        'processes.btc.file: no file "price.csv"; did you mean "prices.csv"?',
    ),
    "number for a file or a list of files": (
        ("count = 10\n", "count = 10\nfiles = 3\n"),
        "3\nrule",
        "agents.funds.files: found 3; must be the path of a file",
    ),
    "no numeraire": (
        ("numeraire = true", "numeraire = false"),
        '[[assets]]\nname = "USDC"',
        "assets: found none; exactly one asset has numeraire = true (and price = 1)",
    ),
    "numeraire that is not worth 1": (
        ("price = 1.0", "price = 1.01"),
        "1.01",
        "assets.USDC.price: found 1.01; the numeraire's price is 1",
    ),
    "more decimals than fit": (
        ("decimals = 9", "decimals = 18"),
        "18",
        "assets.ETH.decimals: found 18; a 64-bit balance would hold only 4.61 ETH ($1.38e+04); at this price allowed: "
        "0 to 11",
    ),
    "an asset with itself": (
        ('between = ["ETH", "BTC"]', 'between = ["ETH", "ETH"]'),
        '["ETH", "ETH"]',
        'correlations.ETH-ETH.between: found "ETH" twice; must be two different assets',
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_gives_one_line(edited, mistake):
    change, token, line = mistake
    text = edited(change)
    assert complaints() == [f"{place(text, token)}: {line}"]


def test_all_at_once_in_the_order_of_the_file(edited):
    text = edited(
        ("seed = 7", "seed = -7"), ("ltv = 0.7\n", "ltv = 0.9\n"), ("count = 100", "cuont = 100"), ("[1, 0", "[-1, 0")
    )
    assert complaints() == [
        f"{place(text, '-7')}: run.seed: found -7; must be at least 0",
        f"{place(text, '0.9')}: protocols.aave.reserves.ETH.ltv: 0.9 is above threshold = 0.82",
        f"{place(text, '[[agents]]')}: agents.noise.count: missing; this setting has no default",
        f'{place(text, "cuont")}: agents.noise.cuont: unknown setting; did you mean "count"? '
        "Allowed: count, rate, venue, follows, name, kind",
        f"{place(text, '-1, 0')}: agents.funds.steps[0][0]: -1 is outside the run, at tick -1; "
        "allowed: ticks 0 to 143 (2021-05-19T00:00:00Z to 2021-05-19T23:50:00Z)",
    ]


def test_moments_are_read_even_if_the_run_is_wrong_elsewhere(edited):
    text = edited(("seed = 7", "seed = -7"), ('at = "12h"', 'at = "25h"'))
    first, second = complaints()
    assert first.startswith(place(text, "-7"))
    assert second.startswith(place(text, '"25h"') + ': shocks.crash.at: "25h" is outside the run')


def test_without_a_time_grid_moments_are_left_alone(edited):
    text = edited(("ticks = 144", 'ticks = "many"'), ('at = "12h"', 'at = "25h"'))
    assert complaints() == [place(text, '"many"') + ': run.ticks: found "many" (text); must be a whole number']


def test_a_file_with_a_gap_or_nan(edited, folder):
    here = place(edited(), '[[processes]]\nname = "btc"')
    (folder / "prices.csv").write_text("0,100\n600,101\n1900,99\n")
    assert complaints() == [f"{here}: processes.btc: prices.csv:3: 1300 s without a row"]
    (folder / "prices.csv").write_text("0,100\n600,nan\n")
    assert complaints() == [f"{here}: processes.btc: prices.csv:2: price is nan; allowed: positive numbers"]


def test_two_numeraires(edited):
    uncorrelated = ('[[correlations]]\nbetween = ["ETH", "BTC"]\nvalue = 0.8', "")
    text = edited(("price = 3000\ndecimals = 9", "price = 1.0\nnumeraire = true"), uncorrelated)
    line = "assets: found USDC, ETH; exactly one asset has numeraire = true (and price = 1)"
    assert complaints() == [f"{place(text, '[[assets]]')}: {line}"]
