"""How the sources read: sizes, lines that say one thing, and imports that never go round in a
circle.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "modechat"

MOST_LINES_OF_A_MODULE = 300
MOST_LINES_OF_A_CLASS = 200
MOST_PER_1000_LINES = {"conditional expressions": 11.0, "lambdas": 2.0, "comprehensions": 13.0}
"""Of lines that are not blank: what the best programs of this kind have."""

_KINDS: dict[type[ast.AST], str] = {
    ast.IfExp: "conditional expressions",
    ast.Lambda: "lambdas",
    ast.ListComp: "comprehensions",
    ast.SetComp: "comprehensions",
    ast.DictComp: "comprehensions",
    ast.GeneratorExp: "comprehensions",
}


@cache
def sources() -> dict[str, tuple[str, ast.Module]]:
    """The text and the syntax tree of every module, by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        text = path.read_text()
        found[name] = text, ast.parse(text)
    return found


def nodes() -> Iterator[tuple[str, ast.AST]]:
    for name, (_, tree) in sources().items():
        for node in ast.walk(tree):
            yield name, node


def place(name: str, node: ast.expr | ast.stmt) -> str:
    return f"{name}, line {node.lineno}"


def test_no_module_and_no_class_grows_large() -> None:
    large = [
        f"{name}: {n_lines} lines"
        for name, (text, _) in sources().items()
        if (n_lines := text.count("\n")) > MOST_LINES_OF_A_MODULE
    ]
    for name, node in nodes():
        if isinstance(node, ast.ClassDef):
            assert node.end_lineno is not None
            n_lines = node.end_lineno - node.lineno + 1
            if n_lines > MOST_LINES_OF_A_CLASS:
                large.append(f"{name}.{node.name}: {n_lines} lines")
    assert large == []


def test_lines_say_one_thing() -> None:
    n_lines = sum(
        sum(bool(line.strip()) for line in text.split("\n")) for text, _ in sources().values()
    )
    counts = Counter(_KINDS[type(node)] for _, node in nodes() if type(node) in _KINDS)
    density = {kind: 1000 * counts[kind] / n_lines for kind in MOST_PER_1000_LINES}
    too_dense = {
        kind: round(figure, 1)
        for kind, figure in density.items()
        if figure > MOST_PER_1000_LINES[kind]
    }
    assert too_dense == {}


def test_no_conditional_expression_stands_in_another() -> None:
    assert [
        place(name, node)
        for name, node in nodes()
        if isinstance(node, ast.IfExp)
        and any(isinstance(inner, ast.IfExp) for inner in ast.walk(node) if inner is not node)
    ] == []


def test_no_tuple_is_unpacked_where_its_parts_could_stand() -> None:
    assert [
        place(name, node)
        for name, node in nodes()
        if isinstance(node, ast.Starred) and isinstance(node.value, ast.Tuple)
    ] == []


def imports(tree: ast.Module) -> Iterator[str]:
    """The modules of the package that a module imports, wherever, also for type checkers only."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in sources() else node.module


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """The groups of modules of which each leads to each other one."""
    reached = {name: reachable(name, graph) for name in graph}
    found: list[set[str]] = []
    for name, others in reached.items():
        circle = {other for other in others if name in reached[other]}
        if name in others and circle not in found:
            found.append(circle)
    return found


def reachable(name: str, graph: dict[str, set[str]]) -> set[str]:
    """What is imported from `name` on; `name` itself only if a way leads back to it."""
    seen: set[str] = set()
    waiting = list(graph[name])
    while waiting:
        if (other := waiting.pop()) not in seen:
            seen.add(other)
            waiting += graph[other]
    return seen


def test_a_circle_is_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"d", "a"}}
    assert circles(graph) == [{"b", "c"}, {"d"}]


def test_no_imports_go_round_in_a_circle() -> None:
    graph = {
        name: {other for other in imports(tree) if other in sources() and other != name}
        for name, (_, tree) in sources().items()
    }
    assert circles(graph) == []
