"""Opening health factors from quantiles and from files."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from agents.shared.health_table import AccountTable, draw_health, table_faults
from sim.errors import ConfigError

COMPOUND = Path(__file__).resolve().parents[3] / "shared" / "data" / "lending" / "compound_v2_accounts_2023.csv.gz"
TABLE = [(0.0, 1.0), (0.1, 1.17), (0.25, 1.38), (0.5, 1.9), (0.75, 2.73), (1.0, 6.0)]

tables = st.lists(st.floats(0.01, 5.0), min_size=2, max_size=8).map(
    lambda steps: list(zip(np.linspace(0.0, 1.0, len(steps)).tolist(), (1.0 + np.cumsum(steps)).tolist(), strict=True))
)


def test_draws_follow_the_table():
    health = draw_health(TABLE, np.random.default_rng(4).random(20_000))
    quantile, value = np.transpose(TABLE)
    assert kstest(health, lambda h: np.interp(h, value, quantile)).pvalue > 0.01


@given(table=tables, u=st.floats(0.0, 1.0))
def test_a_draw_is_the_quantile_of_its_uniform_number(table, u):
    quantile, value = np.transpose(table)
    assert np.interp(draw_health(table, np.array([u])), value, quantile) == pytest.approx(u, abs=1e-12)


@given(table=tables, share=st.floats(0.0, 0.9))
def test_min_health_makes_the_distribution_conditional(table, share):
    quantile, value = np.transpose(table)
    least = float(np.interp(share, quantile, value))
    u = np.linspace(0.0, 1.0, 101)
    health = draw_health(table, u, least)
    assert health.min() >= least
    np.testing.assert_allclose(np.interp(health, value, quantile), share + (1.0 - share) * u, atol=1e-9)


def test_constant_beyond_the_outer_quantiles():
    health = draw_health([(0.1, 1.2), (0.9, 2.0)], np.array([0.0, 0.05, 0.95, 1.0]))
    assert health.tolist() == [1.2, 1.2, 2.0, 2.0]


def test_nobody_left():
    with pytest.raises(ConfigError, match=r"nobody in the health table is at or above 7; its highest is 6"):
        draw_health(TABLE, np.zeros(1), least=7.0)


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ([(0.5, 1.0), (0.5, 2.0)], r"\[0.5, 2\] follows \[0.5, 1\]: quantiles must rise"),
        ([(0.0, 2.0), (1.0, 1.0)], r"\[1, 1\] follows \[0, 2\]: health factors must not fall"),
        ([(0.0, 1.0), (1.5, 2.0)], r"\[1.5, 2\]: a quantile lies within 0 and 1"),
        ([(0.0, -1.0)], r"\[0, -1\]: a health factor is above 0"),
        ([(0.0, 1.0), (float("nan"), 2.0)], r"\[nan, 2\]: a quantile lies within"),
    ],
)
def test_faulty_tables(table, text):
    assert any(re.search(text, fault) for fault in table_faults(table)), table_faults(table)


def test_a_good_table_has_no_faults():
    assert table_faults(TABLE) == []


def written(folder, text, name="accounts.csv"):
    path = folder / name
    path.write_text(text)
    return str(path)


def test_reads_configured_columns_in_file_order(tmp_path):
    file = written(tmp_path, "who,owes,has,note\na,100,150,x\nb,0,5,y\nc,40,90,z\n")
    table = AccountTable(file=file, account="who", debt="owes", collateral="has", unit=2.0)
    accounts = table.read()
    assert accounts.debt.tolist() == [200.0, 80.0]
    assert accounts.collateral.tolist() == [300.0, 180.0]


def test_small_debts_are_left_out_and_the_rest_scaled(tmp_path):
    file = written(tmp_path, "account,debt,collateral\na,100,150\nb,1,5\nc,300,900\n")
    table = AccountTable(file=file, least_debt=10.0, total_usd=1_000.0)
    debt = table.read().debt
    assert debt.tolist() == [100.0, 300.0]
    assert table.scaled(debt).tolist() == [250.0, 750.0]


def test_reads_compressed_files(tmp_path):
    path = tmp_path / "accounts.csv.gz"
    path.write_bytes(gzip.compress(b"account,debt,collateral\na,1,2\n"))
    assert AccountTable(file=str(path)).read().debt.tolist() == [1.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("account,debts,collateral\na,1,2\n", r'accounts.csv:1: no column "debt"; did you mean "debts"\?'),
        (
            "account,debt,collateral\na,1,2\nb,x,2\n",
            r'accounts.csv:3: debt is "x"; must be a finite number of at least 0',
        ),
        ("account,debt,collateral\na,1,nan\n", r'accounts.csv:2: collateral is "nan"; must be a finite number'),
        ("account,debt,collateral\na,-1,2\n", r'accounts.csv:2: debt is "-1"'),
        ("account,debt,collateral\na,1\n", r'accounts.csv:2: collateral is ""'),
        ("account,debt,collateral\na,1,2\nb,1,2\na,1,2\n", r'accounts.csv:4: account "a" is already in line 2'),
        ("account,debt,collateral\na,0,2\n", r"accounts.csv: no account owes 0 USD or more"),
        ("", r'accounts.csv:1: no column "account"'),
    ],
)
def test_mistakes_in_files_are_named_by_line(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        AccountTable(file=written(tmp_path, text)).read()


def test_a_broken_archive_is_an_error_of_the_config(tmp_path):
    with pytest.raises(ConfigError, match="not a CSV text"):
        AccountTable(file=written(tmp_path, "no archive", "accounts.csv.gz")).read()


@pytest.mark.skipif(not COMPOUND.exists(), reason="the data folder beside the project is absent")
def test_compound_accounts_have_their_documented_quantiles():
    table = AccountTable(
        file=str(COMPOUND), debt="borrow_eth", collateral="collateral_eth", weighted=True, least_debt=1.0 + 1e-12
    )
    debt, collateral = table.read()
    assert debt.size == 1_044
    quantiles = np.quantile(collateral / debt, [0.01, 0.1, 0.25, 0.5, 0.75])
    np.testing.assert_allclose(quantiles, [1.00, 1.17, 1.38, 1.90, 2.73], atol=0.006)
    assert np.sort(debt)[-10:].sum() / debt.sum() == pytest.approx(0.5, abs=0.1)
