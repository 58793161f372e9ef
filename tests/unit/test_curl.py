"""Recorded requests as command lines."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridcheck.curl import curl_line, quoted
from hybridcheck.messages import Body, SentRequest

URL = "http://127.0.0.1:1/a?b=c&d=e"


def test_a_get_is_a_plain_line() -> None:
    """What curl sets by itself is left out, everything else is there."""
    request = SentRequest(method="GET", url=URL, headers=(("Host", "x"), ("Accept", "*/*"), ("X-Run", "r 1")))
    assert curl_line(request) == f"curl -sS -i -X GET -H 'Accept: */*' -H 'X-Run: r 1' '{URL}'"


def test_head_does_not_wait_for_a_body() -> None:
    """Curl needs --head for that; -X HEAD would hang."""
    assert curl_line(SentRequest(method="HEAD", url="http://h/")) == "curl -sS -i --head http://h/"


def test_a_text_body_is_sent_as_it_is() -> None:
    """Quotes and line breaks included."""
    body = Body(text='{"a": "it\'s"}\n', size_bytes=14)
    line = curl_line(SentRequest(method="POST", url="http://h/", body=body))
    assert line == """curl -sS -i -X POST --data-raw $'{"a": "it\\'s"}\\x0a' http://h/"""


def test_a_binary_body_is_decoded_on_the_way() -> None:
    """Base64 on the line, bytes on the wire."""
    line = curl_line(SentRequest(method="PUT", url="http://h/", body=Body(base64="//4A", size_bytes=3)))
    assert line == "printf %s //4A | base64 -d | curl -sS -i -X PUT --data-binary @- http://h/"


def test_an_empty_body_is_none() -> None:
    """A request without bytes gets no data option, which would change the method."""
    assert "--data" not in curl_line(SentRequest(method="GET", url="http://h/", body=Body()))


def test_a_get_with_a_body_stays_a_get() -> None:
    """A data option alone would make it a POST."""
    request = SentRequest(method="GET", url="http://h/", body=Body(text="q", size_bytes=1))
    assert curl_line(request) == "curl -sS -i -X GET --data-raw q http://h/"


def test_an_address_goes_out_as_it_stands() -> None:
    """Curl neither expands brackets nor tidies dot segments; an empty header is sent empty."""
    request = SentRequest(method="GET", url="http://h/../x?a[]=1", headers=(("X-Empty", ""),))
    assert curl_line(request) == "curl -sS -i -X GET --globoff --path-as-is -H 'X-Empty;' 'http://h/../x?a[]=1'"


@pytest.mark.parametrize("body", [Body(text="x" * 11, size_bytes=11), Body(base64="eHh4eHh4eHg=", size_bytes=8)])
def test_a_body_that_does_not_fit_is_said_to_be_missing(body: Body) -> None:
    """It is left out, with its size in a comment."""
    line = curl_line(SentRequest(method="PUT", url="http://h/", body=body), most_body=10)
    assert line == f"curl -sS -i -X PUT http://h/  # with its body of {body.size_bytes} bytes"


@pytest.mark.parametrize("text", ["\x1b[2J", "a\nb", "\u202ebidi", "it's\x07", "back\\slash\x01", ""])
def test_bash_reads_back_what_was_quoted(text: str) -> None:
    """One word, byte for byte, whatever is in it; and nothing in the line acts on a terminal."""
    line = quoted(text)
    assert line.isprintable()
    read = subprocess.run(["bash", "-c", f"printf %s {line}"], capture_output=True, check=True)
    assert read.stdout.decode() == text


@settings(max_examples=30, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40))
def test_any_text_survives_bash(text: str) -> None:
    """Hypothesis looks for the word that does not."""
    read = subprocess.run(["bash", "-c", f"printf %s {quoted(text)}"], capture_output=True, check=True)
    assert read.stdout.decode() == text
