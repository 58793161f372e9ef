"""The native computations once more, in CPython, under /ref: what the native service is compared with."""

import asyncio
from functools import partial

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.native.edges import EDGES
from hybridcheck.reference.native.plain_kernels import PlainKernels
from hybridcheck.reference.native.services import COMPUTATIONS, Computation, refuse_arithmetic
from hybridcheck.reference.routing import Route
from hybridcheck.reference.web import Answer, Request, json_answer


async def _compute(row: Computation, request: Request, *, in_loop: bool) -> Answer:
    with refuse_arithmetic():
        if row.long and not in_loop:
            result = await asyncio.to_thread(row.compute, PlainKernels(), request.document)
        else:
            result = row.compute(PlainKernels(), request.document)
    return json_answer({"tenant": request.tenant} | result)


def twin_routes(defects: Switches) -> list[Route]:
    """One twin for each native computation; a long one leaves the event loop to others."""
    in_loop = defects.on("twin-in-loop")
    return [
        Route(
            "POST",
            f"/ref{row.path}",
            partial(_compute, row, in_loop=in_loop),
            f"{row.operation}InCPython",
            f"CPython twin of {row.path}",
            "reference",
            {200: row.answer},
            body=row.body,
            safe=True,
        )
        for row in (*COMPUTATIONS, *EDGES)
    ]
