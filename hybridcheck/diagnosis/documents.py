"""Recognisers over whole documents: what makes one side's answer of the other's."""

from collections.abc import Iterator

from hybridcheck.diagnosis.numbers import of_float, of_integer
from hybridcheck.diagnosis.orders import of_keys
from hybridcheck.diagnosis.signatures import Signature, explanation
from hybridcheck.diagnosis.texts import of_text
from hybridcheck.tokens.document import Number, Object, Token


def of_documents(want: Token, got: Token) -> Signature | None:
    """The signature that explains most of the values that differ; None where none does."""
    return explanation(list(_differences(want, got)))


def _differences(want: Token, got: Token) -> Iterator[tuple[Signature, ...]]:
    if isinstance(want, Object) and isinstance(got, Object):
        yield of_keys(want.names, got.names)
        others = dict(got.members)
        for name, value in want.members:
            if name in others:
                yield from _differences(value, others[name])
    elif isinstance(want, list) and isinstance(got, list):
        for value, other in zip(want, got, strict=False):
            yield from _differences(value, other)
    elif isinstance(want, Number) and isinstance(got, Number):
        whole = want.whole()
        yield of_integer(whole, got) if want.integral and whole is not None else of_float(want, got)
    elif isinstance(want, str) and isinstance(got, str):
        yield of_text(want, got)
