"""The built wheel, installed into a new environment elsewhere, has everything that the checkout has."""

import json
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import hybridcheck

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command that must succeed; return what it printed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, without a network, with the pinned build tool of this environment."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a new environment.

    Its dependencies come from this environment's folder by a path file; path files within that folder, such as the
    one that makes the checkout importable, are not followed from there.
    """
    folder = tmp_path_factory.mktemp("elsewhere")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    install = ("install", "--quiet", "--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "--python", python, *install, wheel, cwd=folder)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    (Path(site) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def shipped_files(kind: str) -> list[str]:
    """Name the files of one top-level folder that must be in the wheel."""
    files = (path for path in (ROOT / kind).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sorted(path.relative_to(ROOT / kind).as_posix() for path in files)


def test_the_wheel_holds_the_package_and_its_data_and_no_tests(wheel: Path) -> None:
    """Profiles and locustfiles are under hybridcheck/data/; tests and benchmarks stay out."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for kind in ("profiles", "locustfiles"):
        prefix = f"hybridcheck/data/{kind}/"
        assert sorted(name.removeprefix(prefix) for name in names if name.startswith(prefix)) == shipped_files(kind)
    assert {"hybridcheck/__init__.py", "hybridcheck/py.typed"} <= names
    assert {name.split("/")[0] for name in names} == {"hybridcheck", f"hybridcheck-{hybridcheck.__version__}.dist-info"}


def test_the_finder_finds_the_same_files_in_the_wheel(elsewhere: Path) -> None:
    """`data_folder` of the installed wheel names its own folder, which holds what the checkout holds."""
    program = (
        "import json, hybridcheck.bundled as b;"
        "folders = {kind: b.data_folder(kind) for kind in ('profiles', 'locustfiles')};"
        "print(json.dumps([b.__file__, {kind: [str(folder), sorted(p.relative_to(folder).as_posix()"
        " for p in folder.rglob('*') if p.is_file() and '__pycache__' not in p.parts)]"
        " for kind, folder in folders.items()}]))"
    )
    module, folders = json.loads(run(elsewhere / "venv" / "bin" / "python", "-I", "-c", program, cwd=elsewhere))
    assert Path(module).is_relative_to(elsewhere)
    for kind, (folder, files) in folders.items():
        assert Path(folder) == Path(module).parent / "data" / kind
        assert files == shipped_files(kind)


def test_the_wheel_knows_its_version_and_its_command(elsewhere: Path) -> None:
    """Metadata, package and installed command agree on the version."""
    program = "import hybridcheck, importlib.metadata as m; print(hybridcheck.__version__, m.version('hybridcheck'))"
    printed = run(elsewhere / "venv" / "bin" / "python", "-I", "-c", program, cwd=elsewhere).split()
    assert printed == [hybridcheck.__version__] * 2
    command = run(elsewhere / "venv" / "bin" / "hybridcheck", "--version", cwd=elsewhere)
    assert command.split() == ["hybridcheck", hybridcheck.__version__]
