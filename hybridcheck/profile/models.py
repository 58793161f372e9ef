"""What a profile may say: strict, frozen models in one vocabulary. Unknown keys are errors.

A profile is read by `profile.reading`, which resolves `env:` and `file:` references first and gives every error with
its file and line. What is not declared is never guessed: the cases that would need it stay unexamined.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, StringConstraints, field_validator, model_validator

from hybridcheck.cases import CoreQuestion, Json
from hybridcheck.profile.boundaries import Boundary, Liveness
from hybridcheck.profile.hooks import Hook
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.profile.operations import (
    Operation,
    Reference,
    StreamSpec,
    expand_operations,
)
from hybridcheck.profile.parts import ErrorRatio, Name, Path, Positive, Ratio, Seconds, Strict, Url
from hybridcheck.profile.probes import Contract, Probes
from hybridcheck.profile.workflows import Workflow


class Environment(StrEnum):
    """What a target is; `production` refuses everything but the read class.

    `unknown` is a URL that no profile declares: read class only as well, until `--environment` says more. A profile
    cannot declare it.
    """

    LOCAL = "local"
    STAGING = "staging"
    PRODUCTION = "production"
    UNKNOWN = "unknown"


class Tls(Strict):
    """How a target's certificate is verified; verification cannot be switched off."""

    ca_file: str | None = None
    min_days: Annotated[int, Field(ge=0, le=365)] = 7


class Target(Strict):
    """A named system that `--base-url NAME` may mean."""

    url: Url
    environment: Literal[Environment.LOCAL, Environment.STAGING, Environment.PRODUCTION]
    tls: Tls = Tls()


class Scope(Strict):
    """Hosts beside the target's own (`host` or `host:port`), and paths that are never requested (shell patterns)."""

    hosts: tuple[str, ...] = ()
    deny_paths: tuple[str, ...] = ("*reset*", "*shutdown*", "*purge*", "*createdb*")


class Limits(Strict):
    """Budgets of the whole run."""

    max_rps: Positive = 200
    max_requests: Annotated[int, Field(gt=0)] = 200_000
    max_connections: Annotated[int, Field(gt=0, le=10_000)] = 100
    max_body_bytes: Annotated[int, Field(ge=1024)] = 4 * 1024 * 1024
    request_deadline_s: Seconds = 15


class SessionCall(Strict):
    """A session operation: how to send it and where the answer names what is needed.

    `body` may contain `{username}`, `{password}`, `{refresh_token}` and `{token}`. `form` sends it url-encoded.
    `token`, `refresh_token` and `identity` are paths into a JSON answer (`$.access_token`); `cookie` is a cookie name.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"] = "POST"
    path: Path
    body: dict[str, Json] | None = None
    form: bool = False
    token: str | None = None
    refresh_token: str | None = None
    cookie: str | None = None
    identity: str | None = None
    expect: tuple[int, ...] = (200, 201, 204)


class Session(Strict):
    """How identities with a username and password log in, are recognised, refresh and log out."""

    login: SessionCall
    whoami: SessionCall | None = None
    refresh: SessionCall | None = None
    logout: SessionCall | None = None
    logout_policy: Literal["server_side", "client_only"] = "server_side"
    refresh_rotates: bool = False
    grace_s: Annotated[float, Field(ge=0, le=60)] = 2
    token_leeway_s: Annotated[float, Field(ge=0, le=300)] = 0
    header: str = "Authorization"
    prefix: str = "Bearer "


class Basic(Strict):
    """HTTP Basic credentials."""

    username: str
    password: SecretStr


class ApiKey(Strict):
    """A key that is sent in a header of its own."""

    header: str = "X-API-Key"
    value: SecretStr


class Identity(Strict):
    """Somebody whom the target knows: a fixed token, a key, Basic, or a login through `session`.

    `known_as` is what whoami calls the identity where that is not its username (an e-mail address, an id).
    """

    role: str = "user"
    tenant: str | None = None
    username: str | None = None
    password: SecretStr | None = None
    token: SecretStr | None = None
    api_key: ApiKey | None = None
    basic: Basic | None = None
    short_lived: bool = False
    known_as: str | None = None

    @model_validator(mode="after")
    def _one_way_in(self) -> "Identity":
        ways = [self.token, self.api_key, self.basic, self.password]
        if sum(way is not None for way in ways) != 1:
            raise ValueError("an identity needs exactly one of token, api_key, basic, or username with password")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        return self


class Kind(StrEnum):
    """What a service does, in requirement 004's words; `api` for everything else."""

    AUTH = "auth"
    DASHBOARD = "dashboard"
    STREAMING = "streaming"
    ANALYTICS = "analytics"
    AI_DETECTION = "ai_detection"
    MONITORING = "monitoring"
    API = "api"


class Service(Strict):
    """A part of the system: the runtime it is built on, what it does, and its operations.

    `direct_url` reaches it beside its gateway, and `direct_headers` are what it wants to see there; `openapi` is where
    it describes itself at that address. `version` and
    `cores` are hints: the runtime's version, and how many cores it may use. `generation` says how it computes: as Codon
    before 0.20 does (legacy), or as CPython and newer Codon do (modern); by default what `version` says of a codon.
    """

    runtime: Literal["cpython", "codon", "native-standin", "emulation", "other"] = "other"
    kind: Kind = Kind.API
    version: str | None = None
    generation: Literal["legacy", "modern"] | None = None
    cores: Annotated[int, Field(ge=1, le=4096)] | None = None
    direct_url: Url | None = None
    direct_headers: dict[str, SecretStr] = Field(default_factory=dict)
    liveness: Liveness | None = None
    runtime_path: Path | None = None
    openapi: Path | None = None
    operations: tuple[Operation, ...] = ()
    sse: StreamSpec | None = None
    websocket: StreamSpec | None = None

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, data: Json) -> Json:
        return expand_operations(data, has_base=True)


class Thresholds(Strict):
    """What the system promises as a whole (requirement 004's names).

    `max_latency_ms`: p95 of response time from the intended start. `min_throughput_rps`: answered requests per second
    that the target has to sustain. Ratios are shares of 1.
    """

    max_latency_ms: Positive | None = None
    min_throughput_rps: Positive | None = None
    max_cpu_ratio: Ratio | None = None
    max_memory_ratio: Ratio | None = None
    max_error_ratio: ErrorRatio | None = None
    max_recovery_s: Annotated[float, Field(gt=0, le=300)] = 10
    max_rss_bytes: Annotated[int, Field(gt=0)] | None = None
    max_open_files: Annotated[int, Field(gt=0)] | None = None
    max_backlog: Annotated[int, Field(ge=0)] | None = None


class Counter(Strict):
    """A counter that must move by exactly the requests sent to an operation."""

    metric: str
    labels: dict[str, str] = Field(default_factory=dict)
    operation: str


class BuildRoute(Strict):
    """Where the target says which build it is: a path, and the place of the build's name in its JSON answer."""

    path: Path
    value: str


class Observability(Strict):
    """Where the target can be looked into: a metrics endpoint, a local process id, an instance header.

    `trace_header` is the response header that names the trace of a request (W3C Trace Context), `build_header` the one
    that names the build which answered.
    """

    build: BuildRoute | None = None
    metrics: Path | None = None
    metrics_url: Url | None = None
    pid: Annotated[int, Field(gt=1)] | None = None
    backlog: str | None = None
    counters: tuple[Counter, ...] = ()
    instance_header: str | None = None
    build_header: str | None = None
    trace_header: str | None = None
    instances: Annotated[int, Field(ge=2)] | None = None
    cores: Positive | None = None
    memory_limit_bytes: Annotated[int, Field(gt=0)] | None = None
    interval_s: Annotated[float, Field(ge=0.1, le=60)] = 0.5


class Exposure(Strict):
    """What may be seen from outside: origins that CORS allows, whether documents are public, the session cookie.

    `tenant_header` is the header that gateways of this system name the tenant in; from outside it must mean nothing.
    """

    cors_allowed: tuple[str, ...] = ()
    docs_public: bool = True
    session_cookie: str | None = None
    tenant_header: str = "X-Tenant-Id"
    errors: Literal["problem+json", "json", "any"] = "any"
    max_body_bytes: Annotated[int, Field(gt=0, le=64 * 1024 * 1024)] | None = None


class PolicySpec(Strict):
    """Check ids (or case ids) that are required or advisory whatever their severity."""

    require: tuple[str, ...] = ()
    advise: tuple[str, ...] = ()


class Waiver(Strict):
    """A failed case or check that is accepted for a time, by somebody, for a reason."""

    case: str = Field(validation_alias=AliasChoices("case", "check"))
    reason: Annotated[str, StringConstraints(min_length=5)]
    owner: str
    ticket: str
    expires: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]

    @field_validator("expires", mode="before")
    @classmethod
    def _date_as_text(cls, value: Json) -> Json:
        return value.isoformat() if hasattr(value, "isoformat") else value


class Profile(Strict):
    """A whole profile: what the system promises."""

    version: Literal[1]
    catalogue: Annotated[int, Field(ge=1)] = 1
    name: str = "unnamed"
    targets: dict[Name, Target] = Field(default_factory=dict)
    scope: Scope = Scope()
    limits: Limits = Limits()
    not_applicable: dict[str, Annotated[str, StringConstraints(min_length=5)]] = Field(default_factory=dict)
    health: Reference | None = None
    ready: Reference | None = None
    openapi: Path | None = None
    session: Session | None = None
    identities: dict[Name, Identity] = Field(default_factory=dict)
    services: dict[Name, Service] = Field(default_factory=dict)
    operations: tuple[Operation, ...] = ()
    boundaries: dict[Name, Boundary] = Field(default_factory=dict)
    hooks: dict[Name, Hook] = Field(default_factory=dict)
    load: dict[Name, LoadPhaseSpec] = Field(default_factory=dict)
    thresholds: Thresholds = Thresholds()
    observability: Observability = Observability()
    exposure: Exposure = Exposure()
    probes: Probes = Probes()
    workflows: dict[Name, Workflow] = Field(default_factory=dict)
    contract: Contract = Contract()
    policy: PolicySpec = PolicySpec()
    waivers: tuple[Waiver, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, data: Json) -> Json:
        return expand_operations(data)

    @field_validator("load", mode="before")
    @classmethod
    def _one_phase(cls, value: Json) -> Json:
        parts = value.values() if isinstance(value, dict) else ()
        is_phase = bool(parts) and ("operations" in value or any(not isinstance(part, dict | None) for part in parts))
        return {"steady": value} if is_phase else value

    @field_validator("not_applicable")
    @classmethod
    def _no_way_out_of_life(cls, value: dict[str, str]) -> dict[str, str]:
        for question in (CoreQuestion.ALIVE, CoreQuestion.CONTRACT):
            if question.value in value:
                raise ValueError(f"'{question}' has no not_applicable: a target that cannot show it is not ready")
        return value

    def all_operations(self) -> tuple[tuple[str, Service | None, Operation], ...]:
        """Every declared operation as (service name or "", service, operation), in the order of the profile."""
        own = tuple(("", None, operation) for operation in self.operations)
        return own + tuple((name, part, op) for name, part in self.services.items() for op in part.operations)

    def operation(self, operation_id: str) -> Operation | None:
        """The declared operation of that id, or a workflow's own request (`workflow/step`); None where there is none."""
        own = (step.inline(name) for name, flow in self.workflows.items() for _, _, step in flow.placed_steps())
        declared = next((op for _, _, op in self.all_operations() if op.id == operation_id), None)
        return declared or next((op for op in own if op is not None and op.id == operation_id), None)
