"""A route of the gateway that shows how a query is read."""

from functools import partial
from urllib.parse import unquote_plus

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.routing import Parameter, Route
from hybridcheck.reference.web import Answer, Problem, Request, json_answer

TEXT = Parameter("text", {"type": "string", "maxLength": 1000}, "A text")


def query_route(defects: Switches) -> Route:
    """Gives back the query parameter `text`."""
    handler = partial(_query, defects)
    return Route(
        "GET", "/ref/query", handler, "queryEcho", "The text that was sent", "reference", {200: "Queried"},
        parameters=(TEXT,),
    )  # fmt: skip


async def _query(defects: Switches, request: Request) -> Answer:
    text = request.query().get("text", "")
    if len(text) > TEXT.schema["maxLength"]:
        raise Problem(422, "text: at most 1000 characters expected")
    return json_answer({"text": unquote_plus(text) if defects.on("query-decoded-twice") else text})
