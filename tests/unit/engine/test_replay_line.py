"""The curl line of a case: it sends what was sent, and a shell reads it as it was meant."""

import shlex

from hybridcheck.engine.replay_line import MOST_BODY, curl_line
from hybridcheck.evidence import Body, Exchange, Observation, SentRequest
from tests.property.ledgers import exchange


def sent(method: str, url: str, body: Body | None = None, **headers: str) -> Exchange:
    """An exchange with this request."""
    request = SentRequest(method=method, url=url, headers=tuple(headers.items()), body=body)
    return Exchange(n=4, label="probe", request=request)


def test_it_carries_method_headers_and_body() -> None:
    """Whatever stands in them, the shell gets each as one word; what curl sets itself is left out."""
    hostile = "'; rm -rf / #$(x)`y`\n\""
    line = curl_line([sent("POST", f"http://h/{hostile}", Body(text=hostile, size_bytes=1), A=hostile, Host="h")], ())
    assert line is not None
    assert shlex.split(line) == [
        "curl", "-sS", "-i", "-X", "POST", "-H", f"A: {hostile}", "--data-raw", hostile, f"http://h/{hostile}",
    ]  # fmt: skip


def test_it_takes_the_last_wanted_exchange() -> None:
    """The exchanges that the finding names come first; without any, the last one of the case; without one, nothing."""
    named, own = [exchange("a"), sent("HEAD", "http://h/wanted")], [exchange("b")]
    assert "http://h/wanted" in (curl_line(named, own) or "")
    assert "--head" in (curl_line(named, own) or "")
    assert "127.0.0.1" in (curl_line([], own) or "")
    assert curl_line([], [Observation(label="o", values={})]) is None


def test_a_body_that_does_not_fit_is_said_to_be_missing() -> None:
    """Long and binary bodies are left out, with their size in a comment."""
    for body in (Body(text="x" * (MOST_BODY + 1), size_bytes=MOST_BODY + 1), Body(base64="/w==", size_bytes=1)):
        line = curl_line([sent("PUT", "http://h/", body)], ())
        assert line is not None
        assert line.endswith(f"# with its body of {body.size_bytes} bytes")
        assert "--data-raw" not in line
