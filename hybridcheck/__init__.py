"""hybridcheck: a black-box integration and load tester that says whether a running HTTP system may go to production.

Importing this package imports nothing else: each public name is imported from its module when it is first used (PEP 562).
"""

import importlib

__version__ = "0.1.0"

# public name -> the module that defines it
_PUBLIC_NAMES: dict[str, str] = dict.fromkeys(
    (
        "CPythonIntegrator",
        "CodonIntegrator",
        "EndToEndTester",
        "HybridIntegrationFramework",
        "HybridIntegrator",
        "QualityAssurance",
        "ValidationEngine",
        "get_hybrid_integration_framework",
    ),
    "hybridcheck.api",
)

__all__ = ["__version__", *_PUBLIC_NAMES]  # noqa: PLE0604 -- every element is a string: the keys of the mapping above


def __getattr__(name: str) -> object:
    """Import a public name from its module on first use; raises AttributeError for any other name."""
    module_name = _PUBLIC_NAMES.get(name)
    if module_name is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value: object = getattr(importlib.import_module(module_name), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names beside those that are already here."""
    return sorted({*globals(), *__all__})
