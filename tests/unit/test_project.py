"""The house rules that no linter knows, kept by the project on itself."""

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import hybridcheck

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "hybridcheck"
MODULES = sorted(PACKAGE.rglob("*.py"))

MAX_FILE_LINES = 400
MAX_BODY_LINES = 40
SHORT_BODY_LINES = 25
MIN_SHORT_RATIO = 0.95

# An exception says so where it is, with its reason: "# long file: ..." on line 1, "# long body: ..." on the def line.
LONG_FILE = re.compile(r"#\s*long file: \S.{9,}")
LONG_BODY = re.compile(r"#\s*long body: \S.{9,}")

# In a text: a line that starts with make, or a quoted command.
MAKE_COMMAND = r"(?:^ *(?:\$ )?|`)make (?:[A-Z]+=\S+ )*([a-z][a-z-]*)"

# What comes in exactly the version that a declared dependency asks for: Locust's event loop, and pydantic's other half.
FROM_A_PARENT = frozenset({"gevent", "greenlet", "pydantic-core"})

FORBIDDEN_NAMES = frozenset({"utils", "util", "common", "helpers", "helper", "core", "manager", "misc"})

# Put together here, so that this file does not name them either.
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("py" + "pi", "org"),
        ("py" + "pi", "python", "org"),
        ("files", "python" + "hosted", "org"),
        ("registry", "npm" + "js", "org"),
        ("registry", "yarn" + "pkg", "com"),
        ("index", "crates", "io"),
        ("static", "crates", "io"),
        ("ruby" + "gems", "org"),
        ("proxy", "go" + "lang", "org"),
        ("conda", "ana" + "conda", "org"),
    )
)


def relative(path: Path) -> str:
    """Name a file as the reader sees it in the repository."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    """Parse one file, once for all rules."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def function_nodes(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Find every function and method of one file, nested ones too."""
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a body from its first statement after the docstring to its end."""
    statements = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    if not statements:
        return 0
    return (statements[-1].end_lineno or statements[-1].lineno) - statements[0].lineno + 1


def long_functions(path: Path) -> list[str]:
    """Name the functions of one file whose body is too long and whose def line gives no reason for it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [
        f"{path.name}:{node.lineno} {node.name} has {body_lines(node)} lines"
        for node in function_nodes(path)
        if body_lines(node) > MAX_BODY_LINES and not LONG_BODY.search(lines[node.lineno - 1])
    ]


def imported_first_party(tree: ast.AST) -> list[ast.Import | ast.ImportFrom]:
    """Find the imports of hybridcheck anywhere below a node."""
    return [
        node
        for node in ast.walk(tree)
        if (isinstance(node, ast.ImportFrom) and (node.level > 0 or (node.module or "").startswith("hybridcheck")))
        or (isinstance(node, ast.Import) and any(alias.name.startswith("hybridcheck") for alias in node.names))
    ]


def tracked_files() -> list[Path]:
    """List the files that git holds; skip, with the reason, where there is no repository."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listing.returncode != 0:
        pytest.skip(f"not run: no git repository here ({listing.stderr.decode().strip()})")
    return [ROOT / name for name in listing.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_files_are_at_most_400_lines() -> None:
    """A longer file says why on its first line."""
    long_files = []
    for path in MODULES:
        lines = path.read_text(encoding="utf-8").splitlines()
        if len(lines) > MAX_FILE_LINES and not LONG_FILE.search(lines[0]):
            long_files.append(f"{relative(path)} has {len(lines)} lines")
    assert long_files == []


def test_function_bodies_are_at_most_40_lines() -> None:
    """A longer body says why on its def line."""
    assert [message for path in MODULES for message in long_functions(path)] == []


def test_nearly_all_function_bodies_are_short() -> None:
    """At least 95 % of the bodies have at most 25 lines."""
    sizes = [body_lines(node) for path in MODULES for node in function_nodes(path)]
    assert sizes
    assert sum(size <= SHORT_BODY_LINES for size in sizes) / len(sizes) >= MIN_SHORT_RATIO


@pytest.mark.parametrize(
    "body, comment, complaints",
    [(41, "", 1), (40, "", 0), (41, "  # long body: one table, read top down", 0), (41, "  # long body:", 1)],
)
def test_the_body_rule_can_fail(tmp_path: Path, body: int, comment: str, complaints: int) -> None:
    """The rule counts statements without the docstring and accepts only an exception that gives a reason."""
    path = tmp_path / "sample.py"
    path.write_text(f'def f() -> None:{comment}\n    """One.\n\n    Two.\n    """\n' + "    print()\n" * body)
    assert len(long_functions(path)) == complaints


def test_module_names_say_what_lives_there() -> None:
    """No module and no package is named after nothing in particular."""
    named = {relative(path): {*path.relative_to(PACKAGE).parent.parts, path.stem} for path in MODULES}
    assert [path for path, names in named.items() if names & FORBIDDEN_NAMES] == []


def test_package_init_files_hold_at_most_a_docstring() -> None:
    """Importing a package imports nothing; only the top one resolves public names, lazily."""
    filled = []
    for path in PACKAGE.rglob("__init__.py"):
        statements = tree_of(path).body
        docstring_only = len(statements) <= 1 and all(
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in statements
        )
        if path.parent != PACKAGE and not docstring_only:
            filled.append(relative(path))
    assert filled == []


def test_every_module_says_what_lives_there() -> None:
    """Each module that has code has a docstring."""
    silent = []
    for path in MODULES:
        tree = tree_of(path)
        if tree.body and not ast.get_docstring(tree):
            silent.append(relative(path))
    assert silent == []


def test_first_party_imports_stand_at_the_top() -> None:
    """Only cli/ imports first-party modules inside functions, and nobody does under TYPE_CHECKING."""
    hidden = []
    for path in MODULES:
        tree = tree_of(path)
        at_top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        below = [node for node in imported_first_party(tree) if node not in at_top]
        lines = {node.lineno for node in below}
        if PACKAGE / "cli" in path.parents:
            lines -= {node.lineno for function in function_nodes(path) for node in imported_first_party(function)}
        hidden += [f"{relative(path)}:{line}" for line in sorted(lines)]
    assert hidden == []


def test_the_contracts_of_purity_name_every_pure_room() -> None:
    """Import contracts name checks, engine, plan and statistics as they exist: as one module or as a folder."""
    rooms = ("checks", "engine", "plan", "statistics")
    modules = {f"hybridcheck.{room}" for room in rooms if (PACKAGE / f"{room}.py").exists()}
    folders = {f"hybridcheck.{room}.**" for room in rooms if (PACKAGE / room).is_dir()}
    assert modules | folders
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {contract["id"]: contract for contract in settings["tool"]["importlinter"]["contracts"]}
    for name in ("pure-rooms", "pure-rooms-deep"):
        assert modules | folders <= set(contracts[name]["source_modules"])


def test_no_file_names_a_package_registry() -> None:
    """Neither the constraints nor anything else in git contains a download address."""
    pattern = re.compile("|".join(re.escape(host) for host in REGISTRY_HOSTS).encode())
    assert pattern.search(REGISTRY_HOSTS[0].encode())
    assert [relative(path) for path in tracked_files() if pattern.search(path.read_bytes())] == []


def test_constraints_are_names_versions_and_hashes_only() -> None:
    """Every line of the constraints is a pinned name or a hash: no option, no address, no comment."""
    line_form = re.compile(r"[a-z0-9][a-z0-9._-]*==[^\s;]+( ; [^\\]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    for name in ("build", "runtime", "dev", "dev-no-deps"):
        lines = (ROOT / "constraints" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        assert lines
        assert [line for line in lines if not line_form.fullmatch(line)] == []


def test_constraints_agree_with_each_other() -> None:
    """What all three files pin, they pin to the same version, and dev holds all of runtime."""
    pins = {name: constraint_pins(name) for name in ("build", "runtime", "dev")}
    assert pins["runtime"].items() <= pins["dev"].items()
    shared = pins["build"].keys() & pins["dev"].keys()
    assert {name: pins["build"][name] for name in shared} == {name: pins["dev"][name] for name in shared}


def declared(requirements: list[str]) -> set[str]:
    """Read the normalised names of requirements such as `PyJWT>=2.15`."""
    return {re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-") for requirement in requirements}


def test_every_declared_dependency_is_pinned() -> None:
    """`constraints/` holds each dependency that `pyproject.toml` names."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = settings["project"]
    assert declared(project["dependencies"]) <= constraint_pins("runtime").keys()
    assert declared(project["optional-dependencies"]["dev"]) <= constraint_pins("dev").keys()
    assert declared(settings["build-system"]["requires"]) <= constraint_pins("build").keys()


def test_every_third_party_import_is_a_declared_dependency() -> None:
    """The package relies on no library only because another one happens to bring it."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    providers = packages_distributions()
    allowed = declared(settings["project"]["dependencies"]) | FROM_A_PARENT | {"hybridcheck"}
    undeclared = [
        f"{relative(path)} imports {name}"
        for path in MODULES
        for name in sorted(imported_packages(path) - sys.stdlib_module_names)
        if (path.name, name) != ("pytest_plugin.py", "pytest")  # whoever loads it has pytest running
        if not {provider.lower().replace("_", "-") for provider in providers.get(name, [name])} & allowed
    ]
    assert undeclared == []


def imported_packages(path: Path) -> set[str]:
    """Name the top-level packages that one file imports absolutely."""
    names: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


def constraint_pins(name: str) -> dict[str, str]:
    """Read the versions of one constraints file."""
    text = (ROOT / "constraints" / f"{name}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", text, flags=re.MULTILINE))


def test_the_readme_names_only_make_targets_that_exist() -> None:
    """Each `make X` in the README and in CONTRIBUTING is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert {"demo", "check", "accuracy", "bench", "soak"} <= targets
    for name in ("README.md", "CONTRIBUTING.md"):
        if (ROOT / name).exists():
            text = (ROOT / name).read_text(encoding="utf-8")
            named = set(re.findall(MAKE_COMMAND, text, flags=re.MULTILINE))
            assert named
            assert named <= targets


def test_the_readme_is_the_package_description() -> None:
    """Once there is a README, the built package carries it."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert ("readme" in settings["project"]) == (ROOT / "README.md").exists()


def test_ci_runs_the_test_command() -> None:
    """`.ci/run` is executable and ends with what CONTRIBUTING calls the test command."""
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert script.read_text(encoding="utf-8").rstrip().splitlines()[-1] == "exec make check"


def test_public_names_agree_with_all() -> None:
    """Every name in `__all__` resolves, and every name in the lazy mapping is in `__all__`."""
    assert set(hybridcheck.__all__) == {"__version__", *hybridcheck._PUBLIC_NAMES}
    assert len(hybridcheck.__all__) == len(set(hybridcheck.__all__))
    for name in hybridcheck.__all__:
        assert getattr(hybridcheck, name) is not None
        assert name in dir(hybridcheck)


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    """A misspelt name fails as it does for any module."""
    with pytest.raises(AttributeError, match="no attribute 'Validator5'"):
        getattr(hybridcheck, "Validator5")  # noqa: B009 -- mypy would refuse the plain attribute


def test_importing_the_package_imports_nothing_heavy() -> None:
    """`import hybridcheck` brings in no other module of the package and no third-party one."""
    program = (
        "import sys; before = set(sys.modules); import hybridcheck;"
        "new = {name for name in set(sys.modules) - before if name.split('.')[0] not in sys.stdlib_module_names};"
        "print(sorted(new))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.strip() == "['hybridcheck']"
