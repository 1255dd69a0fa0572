"""Owns the report of a load run: the figures and the verdict, as text and JSON."""

from msgspec import Struct

from linkup.load.measured import Latency

OTHERS_MATTER = 0.05
LIMITS = {
    "sockets": "sockets per address or user: start the server with LINKUP_SOCKETS_PER_ADDRESS=0 "
    "LINKUP_SOCKETS_PER_USER=0",
    "rate_limited": "messages per user: start the server with LINKUP_MESSAGE_RATE=0",
    "overloaded": "the server's queues are full: lower --rate, --window or --pairs",
}


class Report(Struct, frozen=True, kw_only=True):
    """The measurements after the warm-up; the checks cover every message of the run."""

    pairs: int
    window: int
    rate: float
    seconds: float
    messages_per_second: float
    ack: Latency
    delivery: Latency
    server_cpu_us: dict[str, float]
    server_cpu_us_total: float | None  # None unless all of its processes were there throughout
    generator_cpu_us: float
    others_cpu_share: float | None  # of the machine, 0 to 1: what else ran meanwhile
    sent: int
    acked: int
    delivered: int
    unacknowledged: int
    lost: int
    duplicated: int
    out_of_order: int
    corrupted: int
    cursor_gaps: int
    errors: dict[str, int]
    closed: dict[str, int]
    limits: list[str]
    faults: list[str]
    typists: int = 0
    typing_heard: int = 0  # frames
    server_wakes: dict[str, float] = {}  # a message: how often a thread had slept and was woken
    quiet_ack: Latency = Latency()  # while nobody typed

    @property
    def typing_ratio(self) -> float | None:
        """The ack's p99 beside the typists, of what it is without them."""
        if not self.ack.p99_ms or not self.quiet_ack.p99_ms:
            return None
        return self.ack.p99_ms / self.quiet_ack.p99_ms

    @property
    def sound(self) -> bool:
        """Every promise was kept."""
        faults = (self.unacknowledged, self.lost, self.duplicated, self.out_of_order)
        return not any((*faults, self.corrupted, self.cursor_gaps, self.closed))


def in_words(report: Report) -> str:
    flight = f"{report.rate:g}/s" if report.rate else f"{report.window} in flight each"
    rows = [
        f"{report.pairs} pairs, {flight}, {report.seconds:.1f} s",
        f"  messages/s    {report.messages_per_second:,.0f}   acknowledged and delivered",
        f"  ack           {_latency(report.ack)}",
        f"  delivery      {_latency(report.delivery)}",
        f"  server CPU    {_cpu(report)}",
        f"  server wakes  {_wakes(report)}",
        f"  generator     {report.generator_cpu_us:.0f} µs/message",
        f"  of {report.sent:,} sent: {report.acked:,} acknowledged, {report.delivered:,} delivered",
        f"  lost {report.lost}, duplicated {report.duplicated}, "
        f"out of order {report.out_of_order}, corrupted {report.corrupted}, "
        f"without ack {report.unacknowledged}, cursor gaps {report.cursor_gaps}",
    ]
    if report.typists:
        rows.insert(3, f"  without them  {_latency(report.quiet_ack)}")
        rows.insert(4, f"  {report.typists:,} typists  {_typing(report)}")
    if (report.others_cpu_share or 0.0) > OTHERS_MATTER:
        share = f"{report.others_cpu_share:.0%}"
        rows.append(f"  other work    took {share} of the machine: figures of a busy machine")
    rows += [f"  errors        {code}: {n}" for code, n in report.errors.items()]
    rows += [f"  closed        {text}: {n} sockets" for text, n in report.closed.items()]
    rows += [f"  fault         {fault}" for fault in report.faults]
    rows += [f"  limit reached {LIMITS[limit]}" for limit in report.limits]
    return "\n".join(rows)


def _latency(latency: Latency) -> str:
    if latency.p50_ms is None:
        return "nothing measured"
    return f"p50 {latency.p50_ms:.2f} ms, p99 {latency.p99_ms:.2f} ms, max {latency.max_ms:.2f} ms"


def _typing(report: Report) -> str:
    ratio = report.typing_ratio
    told = f"p99 of the ack {ratio:.2f} times that without them" if ratio else "nothing measured"
    return f"{report.typing_heard:,} times heard of; {told}"


def _wakes(report: Report) -> str:
    if not report.server_wakes:
        return "unknown"
    each = ", ".join(f"{name} {n:.1f}" for name, n in report.server_wakes.items())
    return f"{sum(report.server_wakes.values()):.1f} a message: {each}"


def _cpu(report: Report) -> str:
    if not report.server_cpu_us:
        return "unknown: the server's processes are not on this machine, or give --pid name=pid"
    each = ", ".join(f"{name} {us:.0f}" for name, us in report.server_cpu_us.items())
    if report.server_cpu_us_total is None:
        return f"µs/message without what was restarted meanwhile: {each}"
    return f"{report.server_cpu_us_total:.0f} µs/message: {each}"
