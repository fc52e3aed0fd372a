"""Finding, reading and extending config files."""

import pytest

from experiments.config import ConfigProblems, load, presets, sources
from sim.errors import ConfigError


@pytest.fixture
def shelf(folder, monkeypatch):
    """A folder of presets outside the working directory's own files."""
    shelf = folder / "shelf"
    shelf.mkdir()
    monkeypatch.setattr(sources, "PRESETS", shelf)
    (shelf / "quickstart.toml").write_text((folder / "market.toml").read_text().replace("prices.csv", "../prices.csv"))
    (shelf / "may_2021.toml").write_text('extends = "quickstart"\n[run]\nseed = 21\n')
    (shelf / "_base.toml").write_text("")
    return shelf


@pytest.fixture
def extending(folder):
    """Write a file that extends market.toml and load it."""

    def write(text, name="mine.toml"):
        (folder / name).write_text('extends = "market.toml"\n' + text)
        return load(name)

    return write


def problems(call, *arguments):
    with pytest.raises(ConfigProblems) as caught:
        call(*arguments)
    return str(caught.value).split("\n")


def test_presets_are_found_by_name(shelf, folder):
    assert presets() == ["may_2021", "quickstart"]
    assert load("quickstart").run.seed == 7
    assert load("may_2021").run.seed == 21
    assert load(folder / "market.toml").run.seed == 7


def test_the_shipped_presets_are_the_files_of_their_folder():
    assert presets() == sorted(p.stem for p in sources.PRESETS.glob("[!_]*.toml"))
    assert sources.PRESETS.parts[-2:] == ("experiments", "configs")


def test_a_file_of_the_working_directory_comes_before_a_preset(shelf, folder):
    (folder / "quickstart.toml").write_text('extends = "market.toml"\n[run]\nseed = 1\n')
    assert load("quickstart.toml").run.seed == 1
    assert load("quickstart").run.seed == 7


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "quikstart",
            'no config file or preset "quikstart"; did you mean "quickstart"? Allowed: may_2021, quickstart, ',
        ),
        ("nothing", 'no config file or preset "nothing". Allowed: may_2021, quickstart, or a path to a .toml file'),
        ("markt.toml", 'no config file "markt.toml"; did you mean "market.toml"?'),
        ("elsewhere/a.toml", 'no config file or preset "elsewhere/a.toml". Allowed: may_2021, quickstart, or a path'),
    ],
)
def test_a_file_that_is_not_there(shelf, name, message):
    with pytest.raises(ConfigError) as caught:
        load(name)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"[run\nticks = 1", "bad.toml:1:5: not TOML: Expected ']' at the end of a table declaration; found `[run`"),
        (b"[run]\nticks 1", "bad.toml:2:7: not TOML: Expected '=' after a key in a key/value pair; found `ticks 1`"),
        (b"a = 1\na = 2", "bad.toml:2:6: not TOML: Cannot overwrite a value; found `a = 2`"),
        (b"a = 1\nb = [1,\n", "bad.toml:3:1: not TOML: Invalid value"),
        (b"a = 1\nb = '\xff'", "bad.toml:2:6: found bytes that are not UTF-8 text"),
    ],
)
def test_what_is_no_toml(folder, text, line):
    (folder / "bad.toml").write_bytes(text)
    assert problems(load, "bad.toml") == [line]


def test_files_of_other_editors(folder):
    text = (folder / "market.toml").read_text().replace("count = 100", "count = -1")
    (folder / "market.toml").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert problems(load, "market.toml") == ["market.toml:66:9: agents.noise.count: found -1; must be at least 0"]


def test_an_empty_file_says_what_is_missing(folder):
    (folder / "empty.toml").write_text("")
    assert problems(load, "empty.toml") == [
        "empty.toml:1:1: run.dt: missing; this setting has no default",
        "empty.toml:1:1: assets: found none; exactly one asset has numeraire = true (and price = 1)",
    ]


def test_a_file_outside_the_working_directory_is_named_in_full(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "a.toml"
    other.write_text("[run]\ndt = 60\nticks = 0\n[[assets]]\nname = 'USD'\nprice = 1\nnumeraire = true")
    assert problems(load, other) == [f"{other}:3:9: run.ticks: found 0; must be at least 1"]


def test_tables_merge_key_by_key_and_items_by_name(extending):
    config = extending(
        '[run]\nseed = 1\n[[agents]]\nname = "noise"\ncount = 5\n[[protocols]]\nname = "aave"\n'
        '[[protocols.reserves]]\nasset = "ETH"\nltv = 0.5\n[[protocols.reserves]]\nasset = "BTC"'
    )
    assert (config.run.seed, config.run.ticks) == (1, 144)
    noise, funds = config.components("population")
    assert (noise.count, noise.venue, funds.count) == (5, "aave", 10)
    [pool] = config.components("protocol")
    assert [(r.asset, r.ltv, r.threshold) for r in pool.reserves] == [
        ("ETH", 0.5, 0.82),
        ("USDC", 0.75, 0.8),
        ("BTC", 0.75, 0.8),
    ]


def test_correlations_merge_by_their_two_ends(extending):
    config = extending('[[correlations]]\nbetween = ["BTC", "ETH"]\nvalue = 0.1')
    assert [pair.value for pair in config.correlations] == [0.1]


def test_lists_of_values_are_replaced(extending):
    assert extending("[record]\nnetworks = [3]").record.networks == (3,)


def test_an_empty_list_clears_the_inherited_one(extending):
    assert extending("shocks = []").components("shock") == []


def test_new_items_come_last(extending):
    config = extending('[[agents]]\nname = "more"\nkind = "noise"\ncount = 1')
    assert [agent.name for agent in config.components("population")] == ["noise", "funds", "more"]


def test_another_kind_starts_from_nothing(extending):
    config = extending('[[agents]]\nname = "funds"\nrule = { kind = "equal" }')
    assert type(config.components("population")[1].rule).kind == "equal"
    assert problems(extending, '[[agents]]\nname = "funds"\nkind = "noise"') == [
        "mine.toml:2:1: agents.funds.count: missing; this setting has no default"
    ]


def test_ticks_and_duration_replace_each_other(extending, folder):
    assert extending('[run]\nduration = "2d"').run.ticks == 288
    (folder / "again.toml").write_text('extends = "mine.toml"\n[run]\nticks = 200')
    assert load("again.toml").run.ticks == 200


def test_remove_deletes_an_inherited_item(extending):
    config = extending(
        '[[agents]]\nname = "noise"\nremove = true\n[[protocols]]\nname = "aave"\n'
        '[[protocols.reserves]]\nasset = "USDC"\nremove = true'
    )
    assert [agent.name for agent in config.components("population")] == ["funds"]
    assert [reserve.asset for reserve in config.components("protocol")[0].reserves] == ["ETH"]


def test_nothing_to_remove(extending):
    assert problems(extending, '[[agents]]\nname = "nois"\nremove = true') == [
        'mine.toml:2:1: agents.nois: nothing to remove: no "nois" is inherited; did you mean "noise"? '
        "Allowed: noise, funds"
    ]
    assert problems(extending, '[[agents]]\nname = "noise"\nremove = "yes"') == [
        'mine.toml:4:10: agents.noise.remove: found "yes" (text); only `remove = true` means something'
    ]


def test_remove_means_nothing_where_nothing_is_inherited(edited):
    edited(("count = 100", "count = 100\nremove = true"))
    [line] = problems(load, "market.toml")
    assert line.startswith("market.toml:67:1: agents.noise.remove: unknown setting")


def test_a_mistake_is_located_in_the_file_that_wrote_it(extending, edited):
    edited(("count = 100", "count = -1"))
    assert problems(extending, '[[agents]]\nname = "noise"\nrat = 2\n[run]\nseed = -1') == [
        "market.toml:66:9: agents.noise.count: found -1; must be at least 0",
        'mine.toml:4:1: agents.noise.rat: unknown setting; did you mean "rate"? '
        "Allowed: count, rate, venue, follows, name, kind",
        "mine.toml:6:8: run.seed: found -1; must be at least 0",
    ]


def test_a_data_file_is_relative_to_the_file_that_wrote_it(extending, folder):
    (folder / "deep").mkdir()
    (folder / "deep" / "mine.toml").write_text('extends = "../market.toml"\n')
    assert load("deep/mine.toml").components("process")[1].file == str(folder / "prices.csv")
    (folder / "deep" / "mine.toml").write_text(
        'extends = "../market.toml"\n[[processes]]\nname = "btc"\nfile = "other.csv"'
    )
    (folder / "deep" / "other.csv").write_text("0,1\n")
    assert load("deep/mine.toml").components("process")[1].file == str(folder / "deep" / "other.csv")


def test_circles_name_the_chain(folder):
    (folder / "a.toml").write_text('extends = "b.toml"')
    (folder / "b.toml").write_text('# on to\nextends = "c.toml"')
    (folder / "c.toml").write_text('extends = "a.toml"')
    assert problems(load, "a.toml") == [
        "c.toml:1:11: extends: a cycle of files that extend each other: a.toml -> b.toml -> c.toml -> a.toml; "
        "one of them must not extend"
    ]
    (folder / "a.toml").write_text('extends = "a.toml"')
    [line] = problems(load, "a.toml")
    assert "a.toml -> a.toml" in line


@pytest.mark.parametrize(
    ("extends", "line"),
    [
        ('"market.tml"', 'mine.toml:1:11: extends: no config file "market.tml"; did you mean "market.toml"?'),
        (
            '"quickstrt"',
            'mine.toml:1:11: extends: no config file or preset "quickstrt"; did you mean "quickstart"? '
            "Allowed: may_2021, quickstart, or a path to a .toml file",
        ),
        ("3", "mine.toml:1:11: extends: found 3; must be the path of a .toml file or the name of a preset"),
    ],
)
def test_extending_what_is_not_there(shelf, folder, extends, line):
    (folder / "mine.toml").write_text(f"extends = {extends}")
    assert problems(load, "mine.toml") == [line]
