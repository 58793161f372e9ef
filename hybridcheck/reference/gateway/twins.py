"""The native computations once more, in CPython, under /ref: what the native service is compared with."""

from collections.abc import Callable
from functools import partial
from typing import Any

from hybridcheck.reference.native.plain_kernels import PlainKernels
from hybridcheck.reference.native.services import COMPUTATIONS, Kernels, refuse_arithmetic
from hybridcheck.reference.routing import Route
from hybridcheck.reference.web import Answer, Request, json_answer


async def _compute(computation: Callable[[Kernels, Any], dict[str, Any]], request: Request) -> Answer:
    with refuse_arithmetic():
        return json_answer({"tenant": request.tenant} | computation(PlainKernels(), request.document))


def twin_routes() -> list[Route]:
    """One twin for each native computation."""
    return [
        Route(
            "POST",
            f"/ref{row.path}",
            partial(_compute, row.compute),
            f"{row.operation}InCPython",
            f"CPython twin of {row.path}",
            "reference",
            {200: row.answer},
            body=row.body,
            safe=True,
        )
        for row in COMPUTATIONS
    ]
