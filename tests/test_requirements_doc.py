"""docs/requirements.md: no row is lost, every proof exists."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "requirements.md"
ROWS = {"A": 15, "B": 19, "C": 17, "D": 9, "E": 12, "F": 9, "G": 11, "H": 20, "I": 12, "J": 18, "K": 11, "L": 6}
ROWS |= {"M": 13, "N": 7, "O": 7}
KNOWN = [f"{group}{number}" for group, last in ROWS.items() for number in range(1, last + 1)]
TABLE_ROW = re.compile(r"^\| ([A-Z]+\d+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def table() -> list[tuple[str, str, str]]:
    return TABLE_ROW.findall(PAGE.read_text(encoding="utf-8"))


def names_of_tests(path: Path) -> set[str]:
    """Names of a test file that a proof may point at: functions, and Class::method."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names |= {node.name, *(f"{node.name}::{item.name}" for item in node.body if hasattr(item, "name"))}
    return names


def fault(proof: str) -> str | None:
    """What is wrong with one entry of the last column; None if nothing is."""
    file, _, name = proof.partition("::")
    path = ROOT / file
    if not file.startswith(("tests/", "experiments/configs/")):
        return "is neither a test, nor a config, nor open"
    if not path.is_file():
        return "does not exist"
    if name and name not in names_of_tests(path):
        return f"has no test {name}"
    return None


def test_every_row_is_there_once_and_in_order():
    found = [row for row, _, _ in table()]
    assert [row for row, count in Counter(found).items() if count > 1] == []
    assert found == KNOWN


def test_every_line_of_a_table_is_read():
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| ?[A-Z]\d", line)]
    assert len(lines) == len(table())


def test_every_proof_exists():
    wrong = []
    for row, _, shown_by in table():
        proofs = [] if shown_by == "open" else [proof.strip(" `") for proof in shown_by.split(",")]
        wrong += [f"{row}: {proof} {fault(proof)}" for proof in proofs if fault(proof)]
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize(
    ("proof", "found"),
    [
        ("tests/test_requirements_doc.py", None),
        ("tests/test_requirements_doc.py::test_every_proof_exists", None),
        ("tests/test_requirements_doc.py::test_absent", "has no test test_absent"),
        ("tests/absent.py", "does not exist"),
        ("sim/errors.py", "is neither a test, nor a config, nor open"),
        ("done", "is neither a test, nor a config, nor open"),
    ],
)
def test_wrong_proofs_are_found(proof, found):
    assert fault(proof) == found
