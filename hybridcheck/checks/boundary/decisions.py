"""Do both sides of a boundary decide alike: the shard of a key, the validity of a text."""

from collections.abc import Iterator, Sequence

from hybridcheck.cases import Case, Json, Severity
from hybridcheck.checks.check import Scene
from hybridcheck.checks.operations import ask_for
from hybridcheck.checks.pairs import REFUSED, PairCheck
from hybridcheck.diagnosis.signatures import Signature
from hybridcheck.evidence import Exchange
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.models import Profile
from hybridcheck.profile.operations import Operation
from hybridcheck.profile.probe_parts import Probe
from hybridcheck.target import Ask
from hybridcheck.tokens.document import NotJson, Token, placed, read, write

KEYS = ("alice", "", "A", "a", "é", "e\u0301", "naïve ☕", "😀", "0", "x" * 64, *(f"key-{n}" for n in range(8)))
"""As many that about half of them have a hash with the highest bit set."""

LONGEST_PLAIN = 16
"""Both sides may refuse a key that is longer: then they agree."""

ARABIC = str.maketrans("0123456789", "\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669")
WIDE = str.maketrans("0123456789", "".join(chr(0xFF10 + digit) for digit in range(10)))


class _Decision(PairCheck):
    """The base of questions that are one text, put into a place of each side's body."""

    def pair(self, profile: Profile, gateway: Probe, native: Probe) -> Iterator[tuple[Operation, Operation]]:
        """Both operations, the native one first, where both can be sent."""
        own, twin = profile.operation(native.operation), profile.operation(gateway.operation)
        if own is not None and twin is not None and all(op.reads and op.sendable for op in (own, twin)):
            yield own, twin

    def ask(self, case: Case, side: str, question: Json) -> Ask:
        """The side's own body with the text in its place."""
        operation = Operation.model_validate(case.params["operation" if side == "own" else "twin"])
        probe = case.params["probes"][side]
        own = probe["body"]
        body = own if own is not None else operation.body if isinstance(operation.body, dict) else {}
        return ask_for(operation.model_copy(update={"body": write(placed(body, probe["in"], question))}))

    def said(self, case: Case, side: str, exchange: Exchange) -> str:
        """The value at the side's place."""
        path = case.params["probes"][side]["out"]
        if path is None:
            return "true"
        try:
            found: Token = value_at(read(exchange.response.body.content() if exchange.response else b""), path)
        except NotJson as error:
            return f"no JSON ({error})"
        except NoSuchPath as missing:
            return str(missing)
        try:
            return write(found)
        except RecursionError:
            return "a value that is nested too deeply"


class PartitionsAgree(_Decision):
    """The same key belongs to the same shard on both sides.

    Asks both sides of `probes.partition` for the shard of keys: empty, long, of every script, composed and combining.
    Different shards, a negative one, or one beyond `shards`, twice of two, are a fail: what one side stores the other
    does not find. The built-in hash of a runtime is no partition: it is salted, or another one elsewhere.
    """

    id = "boundary.partitions-agree"
    severity = Severity.HIGH
    remedy = "Compute shards by one named hash (CRC-32, FNV-1a, xxHash) of the UTF-8 bytes, as an unsigned number."
    refs = ("CWE-682", "CWE-436", "docs.python.org object.__hash__")
    needs = (
        "probes: {partition: {gateway: {operation: ID, in: $.key, out: $.shard}, native: {operation: ID}, shards: 16}}"
    )

    def pairs(self, scene: Scene) -> Iterator[tuple[str, Operation, Operation, dict[str, Json]]]:
        """The declared pair."""
        found = scene.profile.probes.partition
        if found is not None:
            probes = {"own": _dump(found.native), "twin": _dump(found.gateway)}
            for own, twin in self.pair(scene.profile, found.gateway, found.native):
                yield f"{own.id} and {twin.id}", own, twin, {"probes": probes, "shards": found.shards}

    def questions(self, case: Case) -> Sequence[Json]:
        """Keys."""
        return KEYS

    def expected(self, case: Case) -> str:
        """The promise."""
        return "both sides give every key to the same shard"

    def complaint(self, case: Case, question: Json, said: str) -> str | None:
        """A shard that is none, or beyond the last; keys that are empty, long or of other scripts may be refused."""
        shards, plain = case.params["shards"], question.isascii() and 0 < len(question) <= LONGEST_PLAIN
        if said == REFUSED and not plain:
            return None
        if not said.isdecimal() or (shards is not None and int(said) >= shards):
            return f"both answer {said}, which is no shard{f' of {shards}' if shards else ''}"
        return None

    def explained(self, case: Case, question: Json, own: str, twin: str) -> tuple[Signature, ...]:
        """A negative remainder, which is one number of shards too low, or its size without the sign."""
        shards = case.params["shards"]
        if own.removeprefix("-").isdecimal() and twin.isdecimal() and shards is not None:
            apart = (int(own) - int(twin)) % shards == 0
            return (Signature.CMOD,) if int(own) < 0 and apart else ()
        return ()


class ValidatorsAgree(_Decision):
    """Both sides call the same texts valid.

    Takes the texts that `probes.validate` declares as accepted, and asks both sides about each with a newline before
    and behind it, blanks, NUL, a second line, and digits of other scripts. Where one side takes what the other refuses,
    twice of two, it is a fail: `$` matches before a last newline in one library and not in the next, digit
    classes take those of every script, and what passes the gateway's check is something else behind it.
    """

    id = "boundary.validators-agree"
    severity = Severity.HIGH
    remedy = "Match the whole text (fullmatch, \\A…\\Z) with explicit classes ([0-9]), by one rule for both sides."
    refs = ("CWE-1286", "CWE-625", "CWE-436", "docs.python.org re $")
    needs = (
        "probes: {validate: {gateway: {operation: ID, in: $.text, out: $.valid}, native: {operation: ID}, "
        'accepts: ["12345"]}}'
    )

    def pairs(self, scene: Scene) -> Iterator[tuple[str, Operation, Operation, dict[str, Json]]]:
        """The declared pair."""
        found = scene.profile.probes.validate_text
        if found is not None:
            probes = {"own": _dump(found.native), "twin": _dump(found.gateway)}
            for own, twin in self.pair(scene.profile, found.gateway, found.native):
                yield f"{own.id} and {twin.id}", own, twin, {"probes": probes, "accepts": list(found.accepts)}

    def questions(self, case: Case) -> Sequence[Json]:
        """The accepted texts, and what is near them."""
        accepted: list[str] = case.params["accepts"]
        near = [text for good in accepted for text in _near(good)]
        return [*accepted, *dict.fromkeys(text for text in near if text not in accepted), ""]

    def expected(self, case: Case) -> str:
        """The promise."""
        return "both sides take and refuse the same texts"

    def complaint(self, case: Case, question: Json, said: str) -> str | None:
        """What is declared as accepted, and is not."""
        good = question in case.params["accepts"] and said != "true"
        return f"both answer {said} to a text that is declared as accepted" if good else None


def _near(text: str) -> Iterator[str]:
    yield from (f"{text}\n", f"{text}\r\n", f"\n{text}", f"x\n{text}", f"{text}\nx", f"{text}\0")
    yield from (f" {text}", f"{text} ", f"{text}\u00a0", f"{text}\u2028")
    yield from (text.translate(ARABIC), text.translate(WIDE))
    yield from (text.upper(), text.lower(), text.replace("k", "\u212a"), text.replace("s", "\u017f"))


def _dump(probe: Probe) -> dict[str, Json]:
    return probe.model_dump(mode="json", by_alias=True)
