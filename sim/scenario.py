"""What a scenario file says: endpoints, clients, a timeline, expectations.

Only its shape and ranges; what its words mean is said where they act: draws.py (arrivals,
latencies), steps.py (operations, faults), expectations.py.
"""

from typing import Annotated, Literal

from msgspec import Meta, field

from router.core.declared import Declared, Percent, Positive
from router.core.deployment_spec import RequestSettings
from router.core.quota_settings import QuotaSettings

Duration = Annotated[float, Meta(ge=0, le=10_000_000)]
Rate = Annotated[float, Meta(gt=0, le=1_000_000)]
ArrivalKind = Literal["poisson", "constant", "periodic", "bursts", "diurnal"]
Bytes = Annotated[int, Meta(ge=0, le=100_000_000)]


class Latency(Declared, frozen=True):
    """How long ``run()`` takes, in milliseconds: one of the three.

    Attributes:
        constant_ms: always so long.
        median_ms, p99_ms: lognormal with this median and 99th percentile.
        measured: a file with a time in milliseconds on each line; one of them, at random.
        in_order: of ``measured``: all of them in their order, and then again from the first. Slow
            times of the machine stay together, as they were.
    """

    constant_ms: Duration | None = None
    median_ms: Duration | None = None
    p99_ms: Duration | None = None
    measured: str | None = None
    in_order: bool = False


class Deployment(Declared, frozen=True):
    """One version, and how its model behaves.

    Attributes:
        parallel_runs: WORKER_COUNT.
        cold_start_s: from the start of an instance until it is warm.
        error_percent: of its answers, at random, that are not 200.
        answer_bytes: of each answer.
        measured_latencies: a file like ``latency.measured``, with what clients measured of real
            requests; the report sets it beside what was simulated.
    """

    name: str
    instance_count: Annotated[int, Meta(ge=1, le=50)] = 1
    request_settings: RequestSettings = RequestSettings()
    parallel_runs: Positive = 1
    latency: Latency = Latency(constant_ms=5)
    cold_start_s: Duration = 3
    error_percent: Annotated[float, Meta(ge=0, le=100)] = 0
    answer_bytes: Bytes = 60
    measured_latencies: str | None = None


class Endpoint(Declared, frozen=True):
    """What clients call. Its deployments are warm at the start, unless a step creates them."""

    name: str
    deployments: list[Deployment]
    traffic: dict[str, Percent] = {}
    mirror_traffic: dict[str, Percent] = {}


class Arrivals(Declared, frozen=True):
    """When a client asks, whether it has its answers or not: an open loop.

    Attributes:
        per_s: requests per second: ``constant`` at equal distances, ``poisson`` at random,
            ``periodic`` so many groups, ``bursts`` between bursts, ``diurnal`` at night.
        peak_per_s: of ``bursts`` in one, of ``diurnal`` at noon.
        every_s: from one burst to the next; the length of a day.
        for_s: how long a burst is.
        group: how many requests at once, of ``periodic``.
    """

    per_s: Rate
    kind: ArrivalKind = "poisson"
    peak_per_s: Rate | None = None
    every_s: Annotated[float, Meta(gt=0)] = 60
    for_s: Duration = 5
    group: Positive = 1


class Loop(Declared, frozen=True):
    """Clients that ask again when they have their answer: a closed loop.

    Attributes:
        clients: how many, each with one request at a time.
        think_ms: from an answer to the next question.
    """

    clients: Annotated[int, Meta(ge=1, le=100_000)]
    think_ms: Duration = 0


class Client(Declared, frozen=True):
    """Who asks, by ``arrivals`` or in a ``loop``.

    Attributes:
        endpoint: by default the first one.
        deployment: named in the header azureml-model-deployment, past the traffic rules.
        requests: at most so many.
        body_bytes, body_bytes_max: of each request; if both, anything between them.
    """

    name: str
    arrivals: Arrivals | None = None
    loop: Loop | None = None
    endpoint: str | None = None
    deployment: str | None = None
    requests: Positive | None = None
    from_s: Duration = 0
    until_s: Duration | None = None
    body_bytes: Bytes = 56
    body_bytes_max: Bytes | None = None


class Step(Declared, frozen=True):
    """What is done at some time: one operation or one fault.

    Attributes:
        at_s: when, from the start.
        name: of the part of the report that begins here; the operation's words by default.
        endpoint: by default the first one.
        traffic, mirror_traffic, instance_count: ``NAME=NUMBER ...``, as the CLI takes them.
        create, delete: a deployment's name.
        crash: a deployment's name: its instances end; others are started.
        crash_loop: likewise, and those end as soon as they are warm.
        hang: a deployment's name: its instances take requests and answer none.
        slow: ``NAME=FACTOR``: its ``run()`` takes so many times as long.
        error_percent: ``NAME=PERCENT``.
        heal: a deployment's name: no fault of it is left.
        restart: the control plane ends and begins again from what it has stored.
        expect: of the requests from here to the next step.
    """

    at_s: Duration
    name: str | None = None
    endpoint: str | None = None
    traffic: str | dict[str, int] | None = None
    mirror_traffic: str | dict[str, int] | None = None
    instance_count: str | dict[str, int] | None = None
    create: str | None = None
    delete: str | None = None
    crash: str | None = None
    crash_loop: str | None = None
    hang: str | None = None
    slow: str | dict[str, float] | None = None
    error_percent: str | dict[str, float] | None = None
    heal: str | None = None
    restart: Literal["control-plane"] | None = None
    expect: list[str] = []


class Scenario(Declared, frozen=True):
    """A rollout to replay.

    Attributes:
        seed: where all chance comes from.
        for_s: how long clients ask; what they have asked then is still answered.
        workers: how many share the port.
        quotas: as in turnout.yml, and with its defaults; connections are not simulated.
        message_us: what a message to or from an instance takes, in microseconds.
        overhead: what a request takes besides ``run()`` and messages: in clients, in the router
            and in the kernel; half of it on the way there, half on the way back. None by default.
        client_work_ms, router_work_ms: how much of it the event loop of all clients works for
            each request, and the worker's. None of it by default.
        overhead_work_ms: how much else of it is work on a core; the rest is waiting for
            something else. All of it by default.
        cores: how many of them ``run()`` and that work share; by default there is one for each.
        expect: of the whole run.
    """

    name: str
    endpoints: Annotated[list[Endpoint], Meta(min_length=1)]
    clients: Annotated[list[Client], Meta(min_length=1)]
    for_s: Annotated[float, Meta(gt=0, le=10_000_000)]
    schema: str | None = field(default=None, name="$schema")
    description: str | None = None
    seed: int = 1
    workers: Annotated[int, Meta(ge=1, le=16)] = 1
    quotas: QuotaSettings = QuotaSettings()
    message_us: Duration = 130
    overhead: Latency | None = None
    client_work_ms: Duration = 0
    router_work_ms: Duration = 0
    overhead_work_ms: Duration | None = None
    cores: Annotated[int, Meta(ge=1, le=1024)] | None = None
    timeline: list[Step] = []
    expect: list[str] = []
