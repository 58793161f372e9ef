"""Which kernels are loaded, from what is on PATH: Codon, else cc, else pure Python; each named for what it is."""

import os
import shutil
from pathlib import Path

import pytest

from hybridcheck.reference.native.build import cache_folder, load_kernels
from hybridcheck.reference.native.compiled_kernels import CompiledKernels
from hybridcheck.reference.native.plain_kernels import PlainKernels

CC = shutil.which("cc")
NEEDS_CC = pytest.mark.skipif(CC is None, reason="no cc on this machine")

# Plays the command line of a Codon compiler and builds the C source in its place: it tests the way to the compiler, not
# Codon. No Codon compiler was available where this was written.
PRETENDER = """#!/bin/sh
[ "$1" = --version ] && { echo "0.0 pretender"; exit 0; }
while [ "$1" != -o ]; do echo "$1" >> "$HERE/asked"; shift; done
echo "$3" >> "$HERE/asked"
exec $CC -shared -fPIC -std=gnu11 -O1 -o "$2" "$(dirname "$3")/kernels.c" -lm
"""
BROKEN = "#!/bin/sh\nexit 1\n"


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH of our own (with the bare system behind it for the C compiler's parts) and an empty cache."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HERE", str(tmp_path))
    monkeypatch.setenv("CC", f"env PATH=/usr/bin:/bin {CC}")
    return folder


def _put(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)


def _bring(folder: Path, *names: str) -> None:
    for name in names:
        found = shutil.which(name, path="/usr/bin:/bin")
        if found is not None:
            (folder / name).symlink_to(found)


def test_no_compiler_is_emulation(tools: Path) -> None:
    """With nothing on PATH the kernels are pure Python, and the manifest says so."""
    kernels, manifest = load_kernels(emulation=False)
    assert isinstance(kernels, PlainKernels)
    assert (manifest["runtime"], manifest["compiler"]) == ("emulation", None)


@NEEDS_CC
def test_c_compiler_is_a_stand_in_and_builds_once(tools: Path) -> None:
    """With cc only, the library is built into the user's cache, found there again, and never called Codon."""
    _bring(tools, "cc", "as", "ld")
    kernels, manifest = load_kernels(emulation=False)
    assert isinstance(kernels, CompiledKernels)
    assert manifest["runtime"] == "native-standin (C)"
    built = {path: path.stat().st_mtime_ns for path in cache_folder().iterdir()}
    assert sorted(path.suffix for path in built) == [".so", ".version"]
    assert load_kernels(emulation=False)[1] == manifest
    assert {path: path.stat().st_mtime_ns for path in cache_folder().iterdir()} == built


@NEEDS_CC
def test_codon_comes_first(tools: Path, tmp_path: Path) -> None:
    """With codon on PATH it is asked first, for a library, with Python's numerics, from the Codon source."""
    _bring(tools, "cc", "env", "dirname", "sh", "as", "ld")
    _put(tools, "codon", PRETENDER)
    kernels, manifest = load_kernels(emulation=False)
    assert isinstance(kernels, CompiledKernels)
    assert (manifest["runtime"], manifest["compiler"], manifest["version"]) == ("codon", "codon", "0.0 pretender")
    asked = (tmp_path / "asked").read_text(encoding="utf-8").split()
    assert asked[:-1] == ["build", "-release", "-numerics=py", "--relocation-model=pic", "-lib"]
    assert asked[-1].endswith("kernels.codon")


@NEEDS_CC
def test_codon_that_fails_is_not_named(tools: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A codon that does not build is passed over, in so many words; the manifest names what was used instead."""
    _bring(tools, "cc", "as", "ld")
    _put(tools, "codon", BROKEN)
    _, manifest = load_kernels(emulation=False)
    assert manifest["runtime"] == "native-standin (C)"
    assert "codon: " in capfd.readouterr().err


def test_cache_that_others_can_write_to_is_not_used(tools: Path, tmp_path: Path) -> None:
    """Code is not loaded from a folder that others may write to."""
    folder = tmp_path / "cache" / "hybridcheck" / "kernels"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    other = cache_folder()
    try:
        assert other != folder
        assert other.stat().st_mode & 0o022 == 0
        assert other.stat().st_uid == os.getuid()
    finally:
        shutil.rmtree(other)
