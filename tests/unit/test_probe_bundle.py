"""The modules of the probe, joined into the one program that is sent to machines."""

import ast
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from nestlab.facts import bundle
from nestlab.facts import probe as package
from probe_trees import WHOLE, look, plant

FOLDER = Path(package.__file__).parent
OWN = "nestlab.facts.probe."
MODULES = {
    path.stem: ast.parse(path.read_text("utf-8"))
    for path in FOLDER.glob("*.py")
    if path.stem != "__init__"
}


def defined(tree: ast.Module) -> Iterator[str]:
    """Names that a module defines itself at its top level, not those that it imports."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif not isinstance(node, ast.Import | ast.ImportFrom):
            for part in ast.walk(node):
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                    yield part.id


def imported(tree: ast.Module) -> Iterator[ast.alias]:
    """What a module imports from outside of the probe, in functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) or (
            isinstance(node, ast.ImportFrom) and not str(node.module).startswith(OWN)
        ):
            yield from node.names


def test_no_name_stands_for_two_things() -> None:
    counts = Counter(name for tree in MODULES.values() for name in set(defined(tree)))
    assert {name for name, count in counts.items() if count > 1} == set()
    others = {each.asname or each.name for tree in MODULES.values() for each in imported(tree)}
    assert others & set(counts) == set()


def test_what_modules_import_from_each_other_can_be_left_out() -> None:
    """It is named as it is called where it comes from, and at the top level."""
    for name, tree in MODULES.items():
        own = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.level or str(node.module).startswith(OWN))
        ]
        assert all(node in tree.body and not node.level for node in own), name
        assert not [each for node in own for each in node.names if each.asname], name


def test_every_module_is_in_it_once_and_the_last_line_runs_it() -> None:
    said = set(defined(ast.parse(bundle.source())))
    assert {name for tree in MODULES.values() for name in defined(tree)} == said
    program = bundle.source().decode()
    assert program.count("if __name__ ==") == 1
    assert program.endswith('if __name__ == "__main__":\n    sys.exit(main(sys.argv[1:]))\n')
    assert (ast.get_docstring(ast.parse(program)) or "").startswith("Read what matters")


def test_it_says_what_the_modules_say(tmp_path: Path) -> None:
    root = plant(tmp_path, WHOLE)
    argv = ["python3", "-S", "-E", "-", "--root", str(root)]
    printed = subprocess.run(argv, input=bundle.source(), capture_output=True, check=True).stdout
    assert json.loads(printed) == look(root).model_dump(
        mode="json", by_alias=True, exclude_unset=True
    )


def test_it_can_be_had_as_a_file() -> None:
    argv = [sys.executable, "-m", "nestlab.facts.bundle"]
    assert subprocess.check_output(argv) == bundle.source()
