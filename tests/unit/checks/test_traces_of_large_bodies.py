"""Looking for stack traces takes time in proportion to the body, whatever the body repeats (the test's timeout says)."""

import pytest

from hybridcheck.checks.exposure.traces import trace_in
from hybridcheck.evidence import Body, Exchange, ReceivedResponse, SentRequest

MANY = 1024 * 1024
TRACE = '\n  File "/app/a.py", line 1, in f\n  File "/app/b.py", line 2, in g\n'


@pytest.mark.parametrize("unit", ["x", "\n", "\\n", " ", "\t", "#1 ", "\nat x", "/a.b-c", "\nat x(", '\nFile "'])
def test_a_megabyte_of_one_thing_hides_no_trace(unit: str) -> None:
    """The trace after it is found."""
    text = unit * (MANY // len(unit)) + TRACE
    response = ReceivedResponse(status=500, body=Body(text=text, size_bytes=len(text)))
    exchange = Exchange(label="r", request=SentRequest(method="GET", url="http://t/"), response=response)
    assert trace_in(exchange) == "Python"
    clean = response.model_copy(update={"body": Body(text=text.removesuffix(TRACE))})
    assert trace_in(exchange.model_copy(update={"response": clean})) is None
