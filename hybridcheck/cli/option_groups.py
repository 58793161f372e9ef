"""Lets a command take a dataclass of options, so that a group of options is declared once for all commands."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, TypeVar

T = TypeVar("T")


def spread(command: Callable[..., T]) -> Callable[..., T]:
    """Give the command one option for each field of every parameter that is annotated with a dataclass.

    The dataclass is built from the given values; other parameters stay as they are and come first.
    """
    declared = inspect.signature(command)
    groups = {name: p.annotation for name, p in declared.parameters.items() if _is_group(p.annotation)}
    single = [parameter for name, parameter in declared.parameters.items() if name not in groups]
    options = [_option(field) for group in groups.values() for field in fields(group)]

    @functools.wraps(command)
    def called(**given: Any) -> T:
        built = {name: group(**{field.name: given.pop(field.name) for field in fields(group)})
                 for name, group in groups.items()}  # fmt: skip
        return command(**given, **built)

    parameters = [*single, *options]
    called.__signature__ = declared.replace(parameters=parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del called.__wrapped__  # what is wrapped has other parameters
    return called


def _is_group(annotation: object) -> bool:
    return isinstance(annotation, type) and is_dataclass(annotation)


def _option(field: Field[Any]) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(field.name, kind, default=default, annotation=field.type)
