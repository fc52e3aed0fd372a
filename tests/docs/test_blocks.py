"""Every fenced block of README.md and docs/ does what the page says.

Each page gets an empty folder and a process of its own; its blocks run there from top to bottom, and what one leaves
the next may use.

    python               executed; names carry over to the next python block of the page
    bash, console        run by bash with `spillover` on PATH (console: lines that start with "$ "; the rest is output)
    toml                 must parse; a whole config (it has `extends`, or both [[assets]] and [[agents]]) must also
                         pass `spillover check`
    json                 must parse
    text, output, mermaid  shown only
    LANGUAGE file=NAME   written to NAME in the page's folder instead of being executed; a file=NAME.toml is checked,
                         with the plug-ins (NAME.py) that the page wrote before it

Shell lines that would build an environment are recognised instead of run: `make TARGET` (the target must exist),
`.ci/run` (must be executable), `git clone`, `cd`, `python3 -m venv`, `source`, `pip install`. Commands that serve or
measure for long (`spillover view`, `spillover bench`) are asked for `--help` instead.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("README.md"), *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^( *)```([^\n`]*)\n(.*?)^\1```[ \t]*$", re.MULTILINE | re.DOTALL)
SHOWN = {"text", "output", "mermaid"}
NOT_RUN = ("git clone ", "cd ", "python3 -m venv ", "source ", "pip install ", "python -m pip install ")
LONG = ("spillover view", "spillover bench")


@dataclass(frozen=True)
class Block:
    language: str
    file: str | None
    text: str
    line: int


def blocks(page: str) -> list[Block]:
    """All fenced blocks of a page; the line is that of the block's first line of content."""
    found = []
    for fence in FENCE.finditer(page):
        indent, info, text = fence.groups()
        language, *tags = info.split() or [""]
        file = next((tag.removeprefix("file=") for tag in tags if tag.startswith("file=")), None)
        body = re.sub(rf"^{indent}", "", text, flags=re.MULTILINE)
        found.append(Block(language, file, body, page.count("\n", 0, fence.start(3)) + 1))
    return found


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def commands(block: Block) -> list[str]:
    """Logical lines of a shell block: continuation lines joined, output of a console left out."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [line[2:] for line in lines if line.startswith("$ ")] if block.language == "console" else lines


def recognised(line: str) -> bool:
    """Is this a line that is checked here and not run?"""
    words = line.split(" #")[0].split()
    if words[:1] == ["make"]:
        unknown = {word for word in words[1:] if "=" not in word} - make_targets()
        assert not unknown, f"the Makefile has no target {', '.join(unknown)}"
        return True
    if words[:1] == [".ci/run"]:
        assert os.access(ROOT / ".ci" / "run", os.X_OK), ".ci/run is not executable"
        return True
    return line.startswith(NOT_RUN)


def quick(line: str) -> str:
    """The command itself, or its --help where it would serve or measure for long."""
    return next((f"{long} --help" for long in LONG if line.startswith(long)), line)


def run_shell(block: Block) -> None:
    script = "\n".join(quick(line) for line in commands(block) if not recognised(line))
    result = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True)
    assert result.returncode == 0, f"{script}\nexit {result.returncode}\n{result.stdout}\n{result.stderr}"


def is_config(settings: dict[str, object]) -> bool:
    return "extends" in settings or {"assets", "agents"} <= set(settings)


def check_toml(block: Block) -> None:
    if block.file or is_config(tomllib.loads(block.text)):
        name = block.file or f"block_{block.line}.toml"
        Path(name).write_text(block.text, encoding="utf-8")
        plugins = " ".join(f"--plugin {file}" for file in sorted(Path.cwd().glob("*.py")))
        run_shell(Block("bash", None, f"spillover check {name} {plugins}", block.line))


def run_block(block: Block, names: dict[str, object]) -> None:
    if block.file and block.language != "toml":
        Path(block.file).write_text(block.text, encoding="utf-8")
    elif block.language == "python":
        exec(compile(block.text, f"line {block.line}", "exec"), names)
    elif block.language in ("bash", "console"):
        run_shell(block)
    elif block.language == "toml":
        check_toml(block)
    elif block.language == "json":
        json.loads(block.text)
    else:
        assert block.language in SHOWN, f'a block needs a known language, found "{block.language}"'


def run_page(text: str) -> None:
    """Run all blocks of a page in the current folder."""
    names: dict[str, object] = {"__name__": "__page__"}
    for block in blocks(text):
        try:
            run_block(block, names)
        except BaseException as error:
            error.add_note(f"in the {block.language or 'untagged'} block at line {block.line}")
            raise


def environment(folder: Path) -> dict[str, str]:
    """Our packages importable, and `spillover` on PATH: the installed command, or else the same entry point."""
    scripts = Path(sys.executable).parent
    if not (scripts / "spillover").exists():
        scripts = folder / "bin"
        scripts.mkdir()
        start = 'import sys\nfrom experiments.cli import main\nif __name__ == "__main__":\n    sys.exit(main())'
        (scripts / "spillover").write_text(f"#!{sys.executable}\n{start}\n", encoding="utf-8")
        (scripts / "spillover").chmod(0o755)
    path = os.pathsep.join([str(scripts), str(Path(sys.executable).parent), os.environ["PATH"]])
    return os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg", "COLUMNS": "120"}


def result_of(page: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a page in a Python of its own, so that what it registers or imports stays there."""
    (folder / "page").mkdir()
    command = [sys.executable, "-W", "error", __file__, str(page)]
    return subprocess.run(command, cwd=folder / "page", env=environment(folder), capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_page(page, tmp_path):
    result = result_of(page, tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    assert [target for target in targets if target and not (page.parent / target).exists()] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("```python\n1 / 0\n```", "ZeroDivisionError"),
        ("```bash\nfalse | true\n```", "exit 1"),
        ("```console\n$ test -e absent\nabsent\n```", "exit 1"),
        ("```bash\nmake coffee\n```", "no target coffee"),
        ("```toml\na = \n```", "Invalid value"),
        ("```json\n{\n```", "JSONDecodeError"),
        ("```\nuntagged\n```", "known language"),
        ("1. item\n\n   ```python\n   raise KeyError('indented')\n   ```\n", "KeyError: 'indented'"),
    ],
)
def test_a_wrong_block_is_found(text, said, tmp_path):
    (tmp_path / "page.md").write_text(text, encoding="utf-8")
    result = result_of(tmp_path / "page.md", tmp_path)
    assert result.returncode == 1
    assert said in result.stderr
    assert "block at line" in result.stderr


SHARING = """
```python file=part.py
number = 40
```
```python
import sys; sys.path.insert(0, "."); two = 2
```
```bash
git clone somewhere
make run OUT=here   # recognised
printf '%s' "4\\
2" > answer
```
```output
anything
```
```python
from pathlib import Path
import part
assert part.number + two == int(Path("answer").read_text().replace(" ", ""))
```
"""


def test_blocks_of_a_page_share_names_and_files(tmp_path):
    (tmp_path / "page.md").write_text(SHARING, encoding="utf-8")
    result = result_of(tmp_path / "page.md", tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "page" / "answer").read_text() == "4 2"


if __name__ == "__main__":
    run_page(Path(sys.argv[1]).read_text(encoding="utf-8"))
