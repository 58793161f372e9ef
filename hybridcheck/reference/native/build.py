"""Finds the best kernels that this machine can have: built by Codon, else by a C compiler, else pure Python.

The library is built at the first start, into a cache folder of the user, under the digest of its source, compiler and
flags. The manifest says what built it; nothing is called Codon unless Codon built it. (The Codon branch could not be
run where it was written, for want of a compiler.)
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybridcheck.reference.native.compiled_kernels import CompiledKernels
from hybridcheck.reference.native.plain_kernels import PlainKernels
from hybridcheck.reference.native.services import Kernels

BUILD_WITHIN_S = 120.0
_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A way to build the kernels."""

    runtime: str
    compiler: str
    source: str
    command: tuple[str, ...]  # before the output and the source
    libraries: tuple[str, ...] = ()  # after them


TOOLCHAINS = (
    # The flags are written out because Codon's defaults changed between generations.
    Toolchain(
        "codon", "codon", "kernels.codon", ("build", "-release", "-numerics=py", "--relocation-model=pic", "-lib")
    ),
    Toolchain(
        "native-standin (C)",
        "cc",
        "kernels.c",
        ("-std=gnu11", "-O2", "-fPIC", "-shared", "-ffp-contract=off"),
        ("-lm",),
    ),
)


def load_kernels(*, emulation: bool) -> tuple[Kernels, dict[str, Any]]:
    """The kernels and the manifest that says where they come from. `emulation` leaves every compiler alone."""
    for toolchain in () if emulation else TOOLCHAINS:
        compiler = shutil.which(toolchain.compiler)
        if compiler is None:
            continue
        try:
            library = _library(toolchain, compiler)
            return CompiledKernels(library), _manifest(toolchain, library)
        except (OSError, AttributeError, subprocess.SubprocessError) as error:
            # What failed is written to the service's log; the manifest tells what is used instead.
            print(f"{toolchain.compiler}: {error}", file=sys.stderr)
    source = _HERE / "plain_kernels.py"
    return PlainKernels(), {
        "runtime": "emulation",
        "compiler": None,
        "version": platform.python_version(),
        "flags": [],
        "source_sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
    }


def _manifest(toolchain: Toolchain, library: Path) -> dict[str, Any]:
    return {
        "runtime": toolchain.runtime,
        "compiler": toolchain.compiler,
        "version": library.with_suffix(".version").read_text(encoding="utf-8"),
        "flags": [*toolchain.command, *toolchain.libraries],
        "source_sha256": _source_digest(toolchain),
    }


def _source_digest(toolchain: Toolchain) -> str:
    return hashlib.sha256((_HERE / toolchain.source).read_bytes()).hexdigest()


def _library(toolchain: Toolchain, compiler: str) -> Path:
    """The cached library, built if it is not there. Its name is a digest, so a stale one is never found."""
    stamp = Path(compiler).resolve().stat()
    parts = (
        _source_digest(toolchain),
        compiler,
        toolchain.command,
        toolchain.libraries,
        platform.machine(),
        stamp.st_mtime_ns,
        stamp.st_size,
    )
    name = hashlib.sha256(repr(parts).encode()).hexdigest()[:24]
    library = cache_folder() / f"kernels-{name}.so"
    if not (library.exists() and library.with_suffix(".version").exists()):
        _build(toolchain, compiler, library)
    return library


def _build(toolchain: Toolchain, compiler: str, library: Path) -> None:
    """Build beside the final place and move there: two starts at once do no harm."""
    version = subprocess.run(
        [compiler, "--version"], capture_output=True, text=True, timeout=BUILD_WITHIN_S, check=True
    )
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        built = Path(folder) / "kernels.so"
        subprocess.run(
            [compiler, *toolchain.command, "-o", str(built), str(_HERE / toolchain.source), *toolchain.libraries],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=BUILD_WITHIN_S,
            check=True,
        )
        CompiledKernels(built)  # has every function, or is not kept
        note = Path(folder) / "version"
        note.write_text(version.stdout.splitlines()[0].strip(), encoding="utf-8")
        note.replace(library.with_suffix(".version"))
        built.replace(library)


def cache_folder() -> Path:
    """A folder that belongs to this user and that nobody else can write to, since code is loaded from it."""
    base = os.environ.get("XDG_CACHE_HOME") or (Path.home() / ".cache")
    folder = Path(base) / "hybridcheck" / "kernels"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
        if status.st_uid == os.getuid() and not status.st_mode & 0o022 and os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="hybridcheck-kernels-"))  # new each time, but ours alone
