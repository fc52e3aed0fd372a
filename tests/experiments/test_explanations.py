"""Every number of an explanation, derived again from events/ and flows/ by plain loops."""

import json
import math

import numpy as np
import pytest

from experiments.commands.explain import Twig, _indented, liquidation
from experiments.explain import Evidence, Liquidation
from experiments.store import open_folder
from sim.errors import ConfigError

BOOK_PARTS = ("recovery", "liquidity")


@pytest.fixture(scope="module")
def evidence(crash):
    return Evidence(open_folder(crash))


@pytest.fixture(scope="module")
def events(evidence):
    return evidence.folder.events(0).set_index("id")


@pytest.fixture(scope="module")
def late(evidence):
    """The explanation of the last liquidation, which has most before it."""
    return evidence.explain(int(evidence.causes.liquidations[-1]), depth=3, top=4)


def tree(found: Liquidation):
    """A liquidation and all below it."""
    yield found
    for parent in found.parents:
        yield from tree(parent.liquidation)


def standing(flows, tick, closed):
    """What is left of every source's pushes at a tick: when oracles look, or at its close."""
    left: dict[tuple[str, str], float] = {}
    for now in range(tick + 1):
        rows = flows[flows["tick"] == now]
        decay = rows.loc[rows["motive"].isin(BOOK_PARTS), "dlog"].sum()
        book = {key for key in left if key[1] not in ("fundamental", "shock")}
        displaced = sum(left[key] for key in book)
        for key in book if displaced and decay else ():
            left[key] *= 1 + decay / displaced
        for row in rows[~rows["motive"].isin(BOOK_PARTS)].itertuples():
            outside = row.motive in ("fundamental", "shock")
            if outside or now < tick or closed:
                left[(row.population, row.motive)] = left.get((row.population, row.motive), 0.0) + row.dlog
    return left


def test_the_crash_is_a_cascade(late, evidence):
    nodes = list(tree(late))
    assert len(nodes) > 10 and len(evidence.causes.liquidations) > 50
    assert any(parent.liquidation.parents for parent in late.parents)


def test_shares_of_every_fall_sum_to_one(late):
    for node in tree(late):
        assert node.fall < 0
        assert sum(source.share for source in node.sources) == pytest.approx(1.0, abs=1e-9)


def test_weights_of_parents_sum_to_the_share_of_liquidations(late):
    for node in tree(late):
        forced = sum(source.share for source in node.sources if source.motive == "liquidation")
        weights = sum(parent.weight for parent in node.parents) + node.others_weight
        assert weights == pytest.approx(node.forced, abs=1e-12)
        assert node.forced == pytest.approx(np.clip(forced, 0, 1), abs=1e-12)


def test_shares_are_what_flows_left_standing(evidence, late):
    flows = evidence.folder.flows(0).astype({"population": str, "motive": str})
    for node in list(tree(late))[:4]:
        before = standing(flows, node.since, True) if node.since >= 0 else {}
        after = standing(flows, node.oracle.observed, False)
        moved = {key: after[key] - before.get(key, 0.0) for key in after}
        assert node.fall == pytest.approx(math.expm1(sum(moved.values())), rel=1e-9)
        for source in node.sources:
            expected = moved[(source.population, source.motive)] / sum(moved.values())
            assert source.share == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_the_fall_leads_to_the_price_the_oracle_said(late):
    for node in tree(late):
        assert node.since == -1
        assert node.oracle.price == pytest.approx(2000.0 * (1 + node.fall), rel=1e-9)
        assert node.oracle.observed < node.oracle.tick <= node.tick


def test_weights_are_in_proportion_to_what_was_sold(evidence, events, late):
    sold = dict.fromkeys(events.index[events["kind"] == "liquidation"], 0.0)
    for event, row in events[events["kind"] == "swap"].iterrows():
        cause = row["cause"]
        if events["kind"][cause] == "breach":
            done = events[(events["kind"] == "liquidation") & (events["cause"] == cause)].index
            cause = max((number for number in done if number < event), default=0)
        if cause in sold and row["tick"] < late.oracle.observed:
            sold[cause] += row["value"]
    total = sum(sold.values())
    for parent in late.parents:
        assert parent.weight == pytest.approx(late.forced * sold[parent.liquidation.event] / total, rel=1e-9)
    largest = sorted((value for value in sold.values() if value), reverse=True)
    assert [parent.weight for parent in late.parents] == pytest.approx([late.forced * v / total for v in largest[:4]])
    assert late.others == len(largest) - 4


def test_facts_come_from_the_log(evidence, events, late):
    accounts = evidence.folder.accounts(0).set_index("account")
    for node in tree(late):
        row = events.loc[node.event]
        breach = events.loc[row["cause"]]
        assert (row["kind"], breach["kind"]) == ("liquidation", "breach")
        assert (node.account, node.tick, node.protocol) == (row["subject"], row["tick"], "lending")
        assert node.label == f"borrowers[{accounts['label'][node.account]}]"
        assert node.seized == pytest.approx(row["amount"] / 1e8) and node.seized_usd == row["value"]
        assert node.debt_usd == breach["value"] > 0 and 0.5 < node.health < 1.0
        assert events["kind"][node.oracle.event] == "oracle_update"


def test_health_at_the_breach_follows_from_the_opening(evidence, events, late):
    """An account that never moved and owes no interest worth mentioning: health moves with the price."""
    accounts = evidence.folder.accounts(0).set_index("account")
    moved = set(events.loc[(events["tick"] >= 0) & events["kind"].isin(["deposit", "repay"]), "actor"])
    first = events[events["kind"] == "liquidation"].drop_duplicates("subject")
    still = [event for event, row in first.iterrows() if row["subject"] not in moved]
    assert still
    for node in map(evidence.explain, still):
        opening = accounts["lending.opening_health"][node.account]
        first_price = evidence.folder.steps(0)["price.ETH"][0]
        assert node.health == pytest.approx(
            opening * node.oracle.price / 2000.0, rel=abs(first_price / 2000 - 1) + 1e-4
        )


def test_shocks_between_are_named(evidence, late):
    first = evidence.explain(int(evidence.causes.liquidations[0]))
    assert first.shocks == ("slump",)
    assert late.shocks == (("slump", "relapse") if late.oracle.observed >= 45 else ("slump",))
    assert "shocks to the fundamental price (slump" in "\n".join(_indented(liquidation(first)))


def test_depth_and_top_bound_the_tree(evidence, late):
    flat = evidence.explain(late.event, depth=0)
    assert flat.parents == () and flat.others_weight == pytest.approx(flat.forced)
    assert flat.others == late.others + len(late.parents)
    for top in (1, 2):
        for node in tree(evidence.explain(late.event, depth=2, top=top)):
            assert len(node.parents) <= top
    assert all(not p.liquidation.parents for p in evidence.explain(late.event, depth=1).parents)


# Choosing -------------------------------------------------------------------------------------------------------------


def test_the_largest_liquidation_is_the_default(evidence, events):
    forced = events[events["kind"] == "liquidation"]
    assert evidence.largest() == forced["value"].idxmax()


def test_an_account_by_number_or_name(evidence, late):
    assert evidence.account(str(late.account)) == evidence.account(late.label) == late.account
    mine = evidence.of_account(late.account)
    values = [evidence.events["value"][event] for event in mine]
    assert late.event in mine and values == sorted(values, reverse=True)
    with pytest.raises(
        ConfigError, match=r'"borrowers\[999\]": no such account; allowed: borrowers\[0\] to borrowers\[149\]'
    ):
        evidence.account("borrowers[999]")
    with pytest.raises(ConfigError, match=r'"nobody": no such account; allowed: 0 to \d+'):
        evidence.account("nobody")
    with pytest.raises(
        ConfigError, match=r"noise\[0\] was not liquidated in replication 0; \d+ accounts were, such as bor"
    ):
        evidence.of_account(evidence.account("noise[0]"))


def test_the_chain_of_any_event_ends_at_the_opening(evidence, events):
    for event in events.index[:: len(events) // 50]:
        links = evidence.chain(int(event))
        assert links[-1] == 0 and links == sorted(links, reverse=True)
    with pytest.raises(ConfigError, match=rf"--event 999999: no such event; they run from 0 to {len(events) - 1}"):
        evidence.chain(999_999)


# Text -----------------------------------------------------------------------------------------------------------------


def percentages(twigs: list[Twig]) -> list[float]:
    return [float(twig.text.split("%")[0].replace("−", "-")) for twig in twigs]


def test_printed_shares_add_up(late):
    def falls(twig):
        if twig.text.endswith("of this fall:"):
            yield twig
        for child in twig.twigs:
            yield from falls(child)

    found = list(falls(liquidation(late)))
    assert len(found) > 5
    for fall in found:
        assert sum(percentages(fall.twigs)) == pytest.approx(100.0, abs=0.05 * len(fall.twigs) + 1e-9)
        for sales in (twig for twig in fall.twigs if twig.twigs):
            assert sum(percentages(sales.twigs)) == pytest.approx(
                *percentages([sales]), abs=0.05 * len(sales.twigs) + 0.06
            )


def test_an_event_is_explained_once(late):
    lines = _indented(liquidation(late))
    opened = [line.split("event ")[1] for line in lines if "event " in line and "(see above)" not in line]
    assert len(opened) == len(set(opened))
    assert lines[0].startswith(f"{late.label} was liquidated on lending at tick {late.tick} (2024-01-01 00:")
    assert "health factor 0." in lines[1] and "seized" in lines[1]


def test_the_command_prints_text_and_json(spillover, crash, late):
    code, out, _ = spillover("explain", crash, "--event", late.event)
    assert code == 0 and out.splitlines()[0].endswith(f"event {late.event}")
    assert out.splitlines()[1].startswith("  health factor")
    code, out, _ = spillover("explain", crash, "--event", late.event, "--json", "--depth", 3, "--top", 4)
    told = json.loads(out)
    assert code == 0 and told.pop("lineage")[-1]["event"] <= late.event
    assert told == {key: value for key, value in json.loads(json.dumps(late.as_dict())).items() if key != "lineage"}
    code, out, _ = spillover("explain", crash, "--account", late.label)
    assert code == 0 and out.startswith(late.label)


def test_lines_are_whole_and_names_are_not_markup(spillover, crash, late, capsys, monkeypatch):
    lines = [f"[bold]x[/bold] :smile: borrowers[red] {'path/' * 60}"]
    monkeypatch.setattr("experiments.commands.explain._indented", lambda tree: lines)
    assert spillover("explain", crash, "--event", late.event)[1].splitlines() == lines


def test_another_event_prints_its_causes(spillover, crash, events):
    breach = int(events.index[events["kind"] == "breach"][0])
    code, out, _ = spillover("explain", crash, "--event", breach)
    first, second, *_ = out.splitlines()
    assert code == 0 and first.startswith(f"event {breach}, tick ") and ": breach by borrowers[" in first
    assert second.startswith("  because of event ") and second.endswith("oracle update in ETH")
    code, out, _ = spillover("explain", crash, "--event", breach, "--json")
    assert [link["event"] for link in json.loads(out)][-1] == 0


def test_a_run_without_liquidations(spillover):
    spillover("run", "toy.toml", "--out", "calm", "--no-report", "--workers", 1)
    assert spillover("explain", "calm")[:2] == (0, "No account was liquidated in replication 0.\n")
    assert spillover("explain", "calm", "--json")[:2] == (0, "null\n")
    code, _, err = spillover("explain", "calm", "--account", 3, "--event", 4)
    assert code == 2 and "give one of them" in err
