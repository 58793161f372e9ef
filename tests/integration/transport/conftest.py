"""Ledgers that tests opened are closed after each test."""

from collections.abc import Iterator

import pytest

from tests.unit.transport.stage import close_ledgers


@pytest.fixture(autouse=True)
def _ledgers_are_closed() -> Iterator[None]:
    yield
    close_ledgers()
