"""A worker sends where it was told that it may, whatever a master says."""

import pytest

from hybridcheck.generator.allowed_target import refusal

OWN = "https://staging.example.com/api"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "https://localhost", "http://[::1]:1/api", "http://127.9.9.9"]
)
def test_its_own_machine_needs_no_word(url: str) -> None:
    """Loopback, by address or by name."""
    assert refusal(url, None) == ""


@pytest.mark.parametrize(
    "url",
    [
        "https://staging.example.com",
        "http://192.0.2.1:8000",
        "http://0.0.0.0:8000",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com",
        "http://localhost.example.com",
    ],
)
def test_every_other_place_has_to_be_named(url: str) -> None:
    """The words say what the plan wanted and which option allows it."""
    assert f"the plan is for {url}" in refusal(url, None)
    assert f"--base-url {url}" in refusal(url, None)


@pytest.mark.parametrize(
    "url", [OWN, OWN + "/", "https://STAGING.example.com:443/api", "https://staging.example.com/api/v2"]
)
def test_the_named_place_and_what_lies_below_it(url: str) -> None:
    """The same origin however it is written."""
    assert refusal(url, OWN) == ""


@pytest.mark.parametrize(
    "url",
    [
        "http://staging.example.com/api",
        "https://staging.example.com:8443/api",
        "https://staging.example.com.evil.example/api",
        "https://staging.example.com/apix",
        "https://staging.example.com/api/../admin",
        "https://staging.example.com",
        "https://127.0.0.1/api",
    ],
)
def test_nothing_else_once_a_place_is_named(url: str) -> None:
    """Another scheme, port, host or path, and this machine as well."""
    assert refusal(url, OWN) == f"the plan is for {url}, this worker only sends to {OWN}"
