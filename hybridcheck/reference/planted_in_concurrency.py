"""Defects that show only where requests meet, or in how long they take."""

from hybridcheck.reference.defect import Defect

IN_CONCURRENCY: tuple[Defect, ...] = (
    # requests that meet
    Defect(
        "gateway-crosstalk",
        "echoes of two callers that overlap share a variable: both get the value of the later one",
        "concurrency.no-crosstalk",
        "gateway/native_client.py",
    ),
    Defect(
        "counter-lost-updates",
        "a counter is read, and written some time later: increments that overlap count once",
        "concurrency.no-lost-updates",
        "gateway/overlaps.py",
    ),
    Defect(
        "counter-deadlock",
        "reading and incrementing a counter take the same two locks in opposite order",
        "concurrency.progress",
        "gateway/overlaps.py",
    ),
    Defect(
        "native-shared-scratch",
        "computations that overlap share one buffer for their input",
        "concurrency.thread-safe",
        "native/work.py",
    ),
    # the event loop
    Defect(
        "gateway-blocks",
        "the list of accounts is read with a blocking call in the event loop",
        "eventloop.no-stalls",
        "gateway/people.py",
    ),
    Defect(
        "native-holds-loop",
        "long computations run in the native host's event loop: everything else waits",
        "eventloop.flat-beside-compute",
        "native/work.py",
    ),
    Defect(
        "twin-in-loop",
        "long computations of the CPython twin run in the gateway's event loop",
        "eventloop.answers-beside-compute",
        "gateway/twins.py",
    ),
    # how long it takes
    Defect(
        "gateway-adds-40ms",
        "the way from the gateway to the native service and back takes 40 ms",
        "performance.boundary-overhead",
        "gateway/native_client.py",
    ),
    Defect(
        "native-compute-slow",
        "the native computation takes longer than its CPython twin",
        "performance.native-speedup",
        "native/work.py",
    ),
    Defect(
        "native-one-at-a-time",
        "a lock lets one native computation run at a time",
        "performance.scales-with-cores",
        "native/work.py",
        demo_needs="3 cores: the tester has one of its own, and a computation needs two to scale",
    ),
    Defect(
        "native-slows-down",
        "each native computation takes a tenth of a millisecond longer than the one before",
        "performance.no-drift",
        "native/work.py",
        demo_needs="a steady phase of two minutes (the demo's lasts twenty seconds)",
    ),
    Defect(
        "native-compiles-per-shape",
        "the first request of each new shape of a list takes 300 ms more",
        "performance.flat-first-call",
        "native/work.py",
        signature="JITWARM",
    ),
)
