"""Pins: a name is looked up once, and nothing is connected to but what it gave then."""

import asyncio
import socket
from asyncio import BaseEventLoop

import pytest

from hybridcheck.transport import pins as module
from hybridcheck.transport.pins import OutOfScope, Pins

METADATA = "169.254.169.254"


class Resolver:
    """Gives one answer after the other, the last one for ever; an empty one is a name that does not resolve."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: object, **_: object) -> list[tuple[object, ...]]:
        """Answer as the event loop's `getaddrinfo` does."""
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not answer:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in answer]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> type[Resolver]:
    """A resolver that stands where the system's is."""

    class Installed(Resolver):
        def __init__(self, *answers: tuple[str, ...]) -> None:
            super().__init__(*answers)
            monkeypatch.setattr(BaseEventLoop, "getaddrinfo", lambda _loop, *a, **k: self(*a, **k))

    return Installed


class Network:
    """Dials; some addresses refuse, some are silent. Notes what was dialled and what was discarded."""

    def __init__(self, *, refusing: tuple[str, ...] = (), silent: tuple[str, ...] = ()) -> None:
        self.refusing, self.silent = refusing, silent
        self.dialled: list[str] = []
        self.discarded: list[str] = []

    async def dial(self, address: str) -> str:
        """Connect."""
        self.dialled.append(address)
        if address in self.refusing:
            raise ConnectionRefusedError(111, f"{address} refuses")
        if address in self.silent:
            await asyncio.sleep(60)
        return address

    async def discard(self, made: str) -> None:
        """Close."""
        self.discarded.append(made)

    async def connect(self, pins: Pins, host: str = "target.test") -> str:
        """A connection."""
        return await pins.connect(host, self.dial, self.discard)


async def test_an_answer_that_changes_reaches_nothing(answering: type[Resolver]) -> None:
    """Rebinding: the second connection goes where the first one went, and the name is not even asked again."""
    resolver, network, pins = answering(("10.0.0.1",), (METADATA,)), Network(), Pins()
    assert [await network.connect(pins), await network.connect(pins)] == ["10.0.0.1"] * 2
    assert resolver.asked == ["target.test"]


@pytest.mark.parametrize("answer", [(METADATA,), ("10.0.0.1", METADATA)])
async def test_a_name_that_leads_to_a_refused_address_is_not_connected_to(
    answering: type[Resolver], answer: tuple[str, ...]
) -> None:
    """Not to its other addresses either, and not later."""
    answering(answer)
    network, pins = Network(), Pins()
    for _ in range(2):
        with pytest.raises(OutOfScope, match="never requested"):
            await network.connect(pins)
    assert network.dialled == []


async def test_a_name_that_did_not_resolve_is_judged_when_it_does(answering: type[Resolver]) -> None:
    """Silence at first is no permission for what comes afterwards."""
    answering((), (METADATA,))
    network, pins = Network(), Pins()
    with pytest.raises(socket.gaierror):
        await network.connect(pins)
    with pytest.raises(OutOfScope):
        await network.connect(pins)
    assert network.dialled == []


async def test_two_lookups_at_once_agree(answering: type[Resolver]) -> None:
    """Whichever answer came first holds for both."""
    answering(("10.0.0.1",), ("10.0.0.2",))
    pins = Pins()
    first, second = await asyncio.gather(pins.of("target.test"), pins.of("target.test"))
    assert first == second


@pytest.mark.parametrize("host", ["localhost", "api.localhost"])
async def test_a_name_of_this_machine_leads_to_it(answering: type[Resolver], host: str) -> None:
    """Such names are trusted with credentials over plain HTTP: one that leads elsewhere is refused."""
    answering(("10.0.0.1",))
    with pytest.raises(OutOfScope, match="not this machine"):
        await Pins().of(host)


async def test_a_target_that_moved_is_not_called_down(answering: type[Resolver]) -> None:
    """None of its addresses accepts and the name leads elsewhere: no failure of the target's, and no connection there."""
    answering(("10.0.0.1",), ("10.0.0.9",))
    network, pins = Network(refusing=("10.0.0.1",)), Pins()
    with pytest.raises(OutOfScope, match=r"leads to 10\.0\.0\.9 now"):
        await network.connect(pins)
    assert network.dialled == ["10.0.0.1"]


@pytest.mark.parametrize("later", [("10.0.0.1",), ()])
async def test_a_target_that_refuses_and_did_not_move_is_down(
    answering: type[Resolver], later: tuple[str, ...]
) -> None:
    """Also where its name is gone by now."""
    answering(("10.0.0.1",), later)
    with pytest.raises(ConnectionRefusedError):
        await Network(refusing=("10.0.0.1",)).connect(Pins())


async def test_the_next_address_has_its_turn(answering: type[Resolver], monkeypatch: pytest.MonkeyPatch) -> None:
    """At once after a refusal, beside one that is silent; an attempt that comes too late is ended."""
    answering(("10.0.0.1", "10.0.0.2", "10.0.0.3"))
    monkeypatch.setattr(module, "HEAD_START_S", 0.0)
    network = Network(refusing=("10.0.0.1",), silent=("10.0.0.2",))
    assert await network.connect(Pins()) == "10.0.0.3"
    assert network.dialled == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


async def test_every_refusal_is_told(answering: type[Resolver]) -> None:
    """Where no address accepts, each has its say in the error."""
    answering(("10.0.0.1", "10.0.0.2"))
    with pytest.raises(OSError, match="All connection attempts failed") as failed:
        await Network(refusing=("10.0.0.1", "10.0.0.2")).connect(Pins())
    assert isinstance(failed.value.__cause__, ExceptionGroup)
    assert len(failed.value.__cause__.exceptions) == 2


async def test_what_stands_at_the_same_time_is_closed(
    answering: type[Resolver], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two connections of which one is used: the other is discarded."""
    answering(("10.0.0.1", "10.0.0.2"))
    monkeypatch.setattr(module, "HEAD_START_S", 0.0)
    both = asyncio.Barrier(2)
    network = Network()

    async def dial(address: str) -> str:
        await both.wait()
        return address

    used = await Pins().connect("target.test", dial, network.discard)
    assert sorted([used, *network.discarded]) == ["10.0.0.1", "10.0.0.2"]


async def test_a_name_that_is_none_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    """A label that is too long for DNS is the profile's matter, not a fault of ours."""

    async def refuse(_loop: object, host: str, port: object, **_: object) -> None:
        raise UnicodeError("label empty or too long")

    monkeypatch.setattr(BaseEventLoop, "getaddrinfo", refuse)
    with pytest.raises(socket.gaierror):
        await Pins().of("a" * 70 + ".test")


async def test_an_address_needs_no_lookup(answering: type[Resolver]) -> None:
    """It is judged all the same."""
    resolver = answering(())
    assert await Pins().of("127.0.0.1") == ("127.0.0.1",)
    with pytest.raises(OutOfScope):
        await Pins().of(METADATA)
    assert resolver.asked == []
