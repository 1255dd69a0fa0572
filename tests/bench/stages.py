"""Owns the stages of a message's way, and which function belongs to which."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from tests.bench.sampling import Samples, Stack

ROOTS = re.compile(r"(shared/(process/)?serve\.py|services/\w+/__main__\.py):")  # under everything
OURS = re.compile(r"(services|shared)/")
MOST_FUNCTIONS = 100
LOOP, ELSE, THREAD = "event loop", "everything else", "to the thread and back"

STORE = "services.persistence.store.store"
TIMED = {  # what runs in the thread of the write connection; each without what it calls
    f"{STORE}:read_set": "read",
    f"{STORE}:_read": "read",
    f"{STORE}:decide": "decide",
    f"{STORE}:_write": "write",
    f"{STORE}:Store._transact": "begin and commit",
    f"{STORE}:_index": "index for the search",
}

Rules = tuple[tuple[str, str], ...]  # of the first pattern that a frame begins with: its stage

BUS: Rules = (
    (r"shared/bus\.py:.*(publish|request|round_trip|flush|respond|answer)", "bus: send"),
    (r"shared/commands/coding\.py:.*encode", "bus: send"),
    (r"shared/(bus|commands/.*)\.py:", "bus: receive"),
)
GATEWAY: Rules = (
    (
        r"services/gateway/socket/(outbox\.py|\w+\.py:\w+\._?(say|send|write|flush|ends|drain))",
        "encode and send",
    ),
    (r"services/gateway/socket/\w+\.py:\w+\.send_(?!receive)", "encode and send"),
    (r"services/gateway/socket/(connection|feed|scope)\.py", "hub and connection"),
    (r"services/gateway/hub\.py", "hub and connection"),
    (r"services/gateway/(socket/|sockets\.py)", "socket: read"),
    (r"shared/(http/|(pace|turns|http|head|acceptor|admission)\.py)", "socket: read"),
    (r"services/gateway/(handlers\.py|upstream/)", "handler, gate and lane"),
    (r"shared/frames/coding\.py:(encode|feed_frame)", "encode and send"),
    (r"shared/frames/", "decode"),
)
PERSISTENCE: Rules = (
    (r"services/persistence/(announce\.py|projection/)", "announce and encode"),
    (r"shared/(frames/|subjects\.py)", "announce and encode"),
    (r"services/persistence/(writer\.py|store/|upkeep/indexer)", THREAD),
    (r"services/persistence/decide/", "announce and encode"),
    (r"services/persistence/queries/", "read for notify"),
)
NOTIFY: Rules = (
    (r"services/notify/", "follow, decide, store"),
    (r"shared/frames/", "follow, decide, store"),
)
RULES: Mapping[str, Rules] = {
    "gateway": (*GATEWAY, *BUS),
    "persistence": (*PERSISTENCE, *BUS),
    "notify": (*NOTIFY, *BUS),
}
LIBRARIES: Rules = (  # where no function of ours is on the stack
    (r"nats/aio/client\.py:Client\._flusher", "bus: send"),
    (r"(nats/|asyncio/streams\.py)", "bus: receive"),
    (r"(aiosqlite|concurrent|databases)/", THREAD),
)
ORDER = {  # of a message, each service's stages
    "gateway": (
        "socket: read",
        "decode",
        "handler, gate and lane",
        "bus: send",
        "bus: receive",
        "hub and connection",
        "encode and send",
        LOOP,
        ELSE,
    ),
    "persistence": (
        "bus: receive",
        THREAD,
        "read",
        "decide",
        "write",
        "begin and commit",
        "announce and encode",
        "bus: send",
        "index for the search",
        "read for notify",
        LOOP,
        ELSE,
    ),
    "notify": ("bus: receive", "bus: send", "follow, decide, store", THREAD, LOOP, ELSE),
    "nats-server": ("everything",),
}


def shares(service: str, samples: Samples) -> dict[str, float]:
    """Return each stage's share of the service's CPU time, in the stages' order: together 1."""
    found: Counter[str] = Counter()
    for stack, seconds in samples.main:
        found[stage_of(service, stack)] += seconds  # type: ignore[assignment]  # not only whole
    for stage, seconds in samples.stages.items():
        found[stage] += seconds  # type: ignore[assignment]
    others = _others_stage(service)
    found[others] += samples.others - sum(samples.stages.values())  # type: ignore[assignment]
    total = sum(found.values()) or 1.0
    return {stage: found[stage] / total for stage in ORDER[service] if found[stage] > 0}


def functions(samples: Samples) -> dict[str, float]:
    """Return the shares of the CPU time by our innermost function on the main thread's stack."""
    found: Counter[str] = Counter()
    for stack, seconds in samples.main:
        ours = [frame for frame in stack if OURS.match(frame) and not ROOTS.match(frame)]
        found[ours[0] if ours else stack[0]] += seconds  # type: ignore[assignment]
    whole = sum(found.values()) + samples.others or 1.0
    return {name: seconds / whole for name, seconds in found.most_common(MOST_FUNCTIONS)}


def _others_stage(service: str) -> str:
    """Return the stage for the time of the database threads that was not measured otherwise."""
    return "follow, decide, store" if service == "notify" else THREAD


def stage_of(service: str, stack: Stack) -> str:
    """Return the stage of our innermost function; without one, the libraries' names decide."""
    frames = [frame for frame in stack if not ROOTS.match(frame)]
    ours = [frame for frame in frames if OURS.match(frame)]
    if ours:
        return next(_matches(ours, RULES[service]), ELSE)
    return next(_matches(frames, LIBRARIES), LOOP)


def _matches(frames: Iterable[str], rules: Rules) -> Iterator[str]:
    for frame in frames:
        yield from (stage for pattern, stage in rules if re.match(pattern, frame))
