"""Finds the best kernels that this machine can have: built by Codon, else by a C compiler, else pure Python."""

from typing import Any

from hybridcheck.reference.native.plain_kernels import PlainKernels
from hybridcheck.reference.native.services import Kernels


def load_kernels(emulation: bool) -> tuple[Kernels, dict[str, Any]]:
    """The kernels and the manifest that says where they come from."""
    return PlainKernels(), {
        "runtime": "emulation",
        "compiler": None,
        "version": None,
        "flags": [],
        "source_sha256": None,
    }
