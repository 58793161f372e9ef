"""The strict reader of exposition text: what is right is read, what is wrong is named."""

import pytest

from hybridcheck.checks.metrics.exposition import parse

GOOD = """\
# HELP http_requests_total Answers
# TYPE http_requests_total counter
http_requests_total{method="GET",route="/a\\"b\\\\c"} 3
http_requests_total{method="POST",} 1e3 1700000000000
# a comment
# TYPE seconds histogram
seconds_bucket{route="/",le="0.1"} 1
seconds_bucket{route="/",le="+Inf"} 2
seconds_sum{route="/"} 0.3
seconds_count{route="/"} 2
# TYPE temperature gauge
temperature -3.5
odd_but_untyped NaN
# TYPE wait summary
wait{quantile="0.5"} 0.1
wait_sum 5
wait_count 9
"""


def test_good_text_has_no_faults() -> None:
    """All kinds, escapes, timestamps, trailing commas, NaN of what is no counter."""
    found = parse(GOOD)
    assert found.faults == []
    assert len(found.values) == 11
    assert found.total("http_requests_total", {"method": "POST"}) == 1000
    assert found.total("http_requests_total", {}) == 1003
    assert found.total("http_requests_total", {"method": "PUT"}) is None
    counting = {name for (name, _), _ in found.counting()}
    assert counting == {"http_requests_total", "seconds_bucket", "seconds_count", "wait_count"}


def test_openmetrics_is_read() -> None:
    """A counter family without its suffix, an exemplar, the end mark."""
    text = '# TYPE hits counter\nhits_total{a="b"} 4 # {trace="x"} 1.0\nhits_created 1.7e9\n# EOF\n'
    found = parse(text)
    assert (found.faults, found.total("hits_total", {"a": "b"})) == ([], 4)
    assert [name for (name, _), _ in found.counting()] == ["hits_total"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a 1", "no end"),
        ('a{b="c} 1\n', "broken labels"),
        ("a{b=c} 1\n", "broken labels"),
        ('a{b="c" d="e"} 1\n', "broken labels"),
        ("a one\n", "no value"),
        ("a 1 2 3\n", "no value"),
        ("a 1_000\n", "no value"),
        ("a\n", "no value"),
        ("9a 1\n", "no metric name"),
        ("<html>\n", "no metric name"),
        ('a{b="1"} 1\na{b="1"} 2\n', "twice"),
        ('a{b="1",c="2"} 1\na{c="2",b="1"} 2\n', "twice"),
        ('a{b="1",b="2"} 1\n', "a label twice"),
        ("# TYPE a counter\n# TYPE a counter\na 1\n", "second TYPE"),
        ("# HELP a x\n# HELP a y\na 1\n", "second HELP"),
        ("a 1\n# TYPE a counter\n", "after its samples"),
        ("# TYPE a speed\na 1\n", "no kind"),
        ("# TYPE a counter\na -1\n", "counter a is -1"),
        ("# TYPE a counter\na NaN\n", "counter a is nan"),
        ('a 1\nb 1\na{x="1"} 1\n', "not in one piece"),
        ('# TYPE h histogram\nh_bucket{le="1"} 3\nh_bucket{le="+Inf"} 2\nh_count 2\n', "do not count upwards"),
        ('# TYPE h histogram\nh_bucket{le="1"} 3\nh_count 3\n', "no bucket +Inf"),
        ('# TYPE h histogram\nh_bucket{le="+Inf"} 3\nh_count 4\n', "is not its count"),
        ('# TYPE h histogram\nh_bucket{le="x"} 3\n', "without a number"),
    ],
)
def test_each_fault_is_named(text: str, words: str) -> None:
    """One broken rule, one fault."""
    faults = parse(text).faults
    assert any(words in fault for fault in faults), faults


def test_hostile_text_is_read_in_no_time() -> None:
    """A label list, a number and a family list that are very long are one pass each, and the faults stay few."""
    labels = ",".join(f'l{i}="x"' for i in range(50_000))
    assert len(parse(f"a{{{labels}}} 1\n").values) == 1
    assert parse("a " + "1" * 200_000 + "x\n").faults
    assert len(parse("".join(f"m{i} 1\nm{i + 1} 1\n" for i in range(20_000))).faults) == 20
