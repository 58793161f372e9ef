"""The room needs nothing but arithmetic."""

import ast
from pathlib import Path

import hybridcheck.statistics

_ALLOWED = {"collections", "dataclasses", "functools", "hybridcheck", "itertools", "math", "typing"}


def test_the_room_imports_only_arithmetic_and_itself() -> None:
    """No scipy, no clock, no randomness, no files: only these modules and its own."""
    files = list(Path(hybridcheck.statistics.__path__[0]).glob("*.py"))
    assert len(files) > 5
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] in _ALLOWED, (file.name, name)
                assert not name.startswith("hybridcheck") or name.startswith("hybridcheck.statistics"), (
                    file.name,
                    name,
                )
