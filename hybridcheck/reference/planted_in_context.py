"""Defects in what crosses the boundary beside the question: tenants, keys, time, cancellation, errors, overload."""

from hybridcheck.reference.defect import Defect

IN_CONTEXT: tuple[Defect, ...] = (
    Defect(
        "tenant-shared",
        "requests that overlap share the tenant that is told to the native service",
        "boundary.tenants-isolated",
        "gateway/native_client.py",
    ),
    Defect(
        "native-open",
        "the native service answers whoever asks it, without the gateway's key",
        "boundary.direct-access-refused",
        "native/host.py",
    ),
    Defect(
        "native-any-key",
        "the native service wants a key and takes any",
        "boundary.direct-access-refused",
        "native/host.py",
    ),
    Defect(
        "deadline-ignored",
        "a caller's deadline does not end the call of the native service",
        "boundary.deadline-kept",
        "gateway/native_client.py",
    ),
    Defect(
        "deadline-not-passed",
        "the native service is told the gateway's own timeout instead of what the caller has left",
        "boundary.deadline-kept",
        "gateway/native_client.py",
    ),
    Defect(
        "cancellation-ignored",
        "native work goes on when its caller has gone away",
        "boundary.cancellation-reaches",
        "gateway/context.py",
    ),
    Defect(
        "key-ignored",
        "two requests with one Idempotency-Key make two orders",
        "resilience.idempotent",
        "native/context.py",
    ),
    Defect(
        "key-reused-silently",
        "an Idempotency-Key with another body gets the first one's answer",
        "resilience.idempotent",
        "native/context.py",
    ),
    Defect(
        "retry-storm",
        "a native call that fails is repeated three times",
        "resilience.no-retry-storm",
        "gateway/context.py",
    ),
    Defect(
        "overload-queues",
        "slow calls wait for each other without a limit",
        "resilience.overload-bounded",
        "gateway/context.py",
    ),
    Defect(
        "overload-500",
        "slow calls beyond the capacity are answered with 500",
        "resilience.overload-bounded",
        "gateway/context.py",
    ),
    Defect(
        "bulkhead-missing",
        "with too many slow calls every other request waits as well",
        "resilience.overload-bounded",
        "gateway/context.py",
    ),
    Defect(
        "fallback-unmarked",
        "what CPython computes in the native service's place does not say so",
        "resilience.native-down",
        "gateway/context.py",
    ),
    Defect(
        "fallback-differs",
        "what CPython computes in the native service's place leaves the first number out",
        "resilience.fallback-agrees",
        "gateway/context.py",
    ),
    Defect(
        "native-500-passed-on",
        "a failure of the native service is answered with 500 instead of 502",
        "boundary.native-errors-mapped",
        "gateway/native_client.py",
    ),
    Defect(
        "schema-skew",
        "the native service's document promises another type for a member than the gateway's",
        "boundary.schemas-agree",
        "native/host.py",
    ),
    Defect(
        "builds-mixed",
        "every second answer comes from another build",
        "boundary.one-build",
        "dispatch.py",
    ),
)
