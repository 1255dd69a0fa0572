"""Owns the table of all metrics: their names, kinds, meanings and labels."""

from typing import Literal, NamedTuple

Kind = Literal["histogram", "counter", "gauge"]

GATEWAY, PERSISTENCE, NOTIFY = "gateway", "persistence", "notify"
ALL = (GATEWAY, PERSISTENCE, NOTIFY)

LATENCIES = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
SHORT = (0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.001, 0.01)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)


class Metric(NamedTuple):
    """A line of the table. `of` names the source of the value.

    For a counter, it is the name in `Counters`, or with a label the beginning of such names. For a
    gauge, it is the name of a figure, or of a check whose observed value is shown (`check:`). It is
    empty for a histogram, and for a gauge that `exposition` has a rule for.
    """

    name: str
    kind: Kind
    help: str
    services: tuple[str, ...] = ALL
    label: str = ""
    of: str = ""
    buckets: tuple[float, ...] = LATENCIES


TABLE: tuple[Metric, ...] = (
    # The stages of a message.
    Metric(
        "linkup_decode_seconds",
        "histogram",
        "Time to decode a frame of a client, measured for one frame in 64.",
        (GATEWAY,),
        buckets=SHORT,
    ),
    Metric(
        "linkup_lane_wait_seconds",
        "histogram",
        "Time that the oldest awaited command of a batch waited before it was sent.",
        (GATEWAY,),
    ),
    Metric(
        "linkup_lane_batch_commands",
        "histogram",
        "Number of commands in a batch. Its sum counts the commands sent.",
        (GATEWAY,),
        buckets=SIZES,
    ),
    Metric(
        "linkup_ack_seconds",
        "histogram",
        "Time from the oldest awaited command of a batch until it was answered.",
        (GATEWAY,),
    ),
    Metric(
        "linkup_push_seconds",
        "histogram",
        "Time to hand a burst of events from the bus to the sockets.",
        (GATEWAY,),
    ),
    Metric(
        "linkup_commit_seconds",
        "histogram",
        "Time to decide, write and sync a transaction.",
        (PERSISTENCE,),
    ),
    Metric(
        "linkup_commit_commands",
        "histogram",
        "Number of commands in a transaction. Its sum counts the commands stored or refused.",
        (PERSISTENCE,),
        buckets=SIZES,
    ),
    Metric(
        "linkup_publish_seconds",
        "histogram",
        "Time to publish the events of a transaction and answer its batches.",
        (PERSISTENCE,),
    ),
    # What is there now.
    Metric("linkup_sockets", "gauge", "Number of open sockets.", (GATEWAY,), of="sockets"),
    Metric(
        "linkup_subscriptions",
        "gauge",
        "Number of online users, each of whom has a subscription on the bus.",
        (GATEWAY,),
        of="users",
    ),
    Metric(
        "linkup_commands_waiting",
        "gauge",
        "Number of commands that wait in lanes.",
        (GATEWAY,),
        of="commands_waiting",
    ),
    Metric(
        "linkup_log_waiting",
        "gauge",
        "Number of queries to the log that wait for an answer.",
        (GATEWAY,),
        of="log_waiting",
    ),
    Metric(
        "linkup_batches_waiting",
        "gauge",
        "Number of batches that wait for the writer.",
        (PERSISTENCE,),
        of="batches_waiting",
    ),
    Metric(
        "linkup_questions_waiting",
        "gauge",
        "Number of queries that wait for a reader.",
        (PERSISTENCE,),
        of="questions_waiting",
    ),
    Metric(
        "linkup_follower_lag_seconds",
        "gauge",
        "Time since notify last reached the end of the log.",
        (NOTIFY,),
        of="log_lag_seconds",
    ),
    Metric("linkup_connections", "gauge", "Number of open connections.", of="connections"),
    # How it is.
    Metric("linkup_info", "gauge", "Always 1; its label names the service.", label="service"),
    Metric(
        "linkup_ready",
        "gauge",
        "0 if this check fails, otherwise 1, also while it only warns; the service is ready if all "
        "are 1.",
        label="check",
    ),
    Metric(
        "linkup_check_status",
        "gauge",
        "0 if this check passes, 1 if it warns, 2 if it fails.",
        label="check",
    ),
    Metric("linkup_health_score", "gauge", "Health score of this service, from 0 to 100."),
    Metric(
        "linkup_breaker_state",
        "gauge",
        "State of a breaker: 0 closed, 1 half open, 2 open; of webhooks, of the worst one.",
        (GATEWAY, NOTIFY),
        label="dependency",
    ),
    Metric(
        "linkup_breakers_open",
        "gauge",
        "Number of breakers that are not closed: of push services, or of webhooks.",
        (NOTIFY,),
        label="dependency",
        of="breakers_open.",
    ),
    Metric(
        "linkup_webhook_lag_seconds",
        "gauge",
        "Time that the oldest event for a webhook has been waiting.",
        (NOTIFY,),
        of="webhook_lag_seconds",
    ),
    Metric(
        "linkup_loop_lag_seconds",
        "gauge",
        "Delay of the event loop, 99th percentile of the last minutes.",
    ),
    Metric(
        "linkup_canary_ok",
        "gauge",
        "0 if the last canary message did not arrive, otherwise 1.",
        (GATEWAY,),
        of="check:canary",
    ),
    Metric(
        "linkup_disk_free_ratio",
        "gauge",
        "Free part of the disk with the database, from 0 to 1.",
        (PERSISTENCE, NOTIFY),
        of="check:disk",
    ),
    # What is counted.
    Metric(
        "linkup_errors_total",
        "counter",
        "Errors, by category; see `linkup errors`.",
        label="category",
    ),
    Metric(
        "linkup_refusals_total",
        "counter",
        "Errors sent to clients, and sockets closed before `welcome`, by code.",
        (GATEWAY,),
        label="code",
        of="refused_",
    ),
    Metric(
        "linkup_bounds_total",
        "counter",
        "Times that a bound was reached, by the bound's name.",
        label="bound",
    ),
    Metric(
        "linkup_repairs_total",
        "counter",
        "Gaps in the feed of a socket that were filled from the log.",
        (GATEWAY,),
        of="repairs",
    ),
    Metric(
        "linkup_resumes_total",
        "counter",
        "Sockets that asked to resume from a cursor, by outcome: recovered or resync.",
        (GATEWAY,),
        label="outcome",
        of="resumes.",
    ),
    Metric(
        "linkup_retries_total",
        "counter",
        "Attempts after the first one, by operation: store, smtp or push.",
        (GATEWAY, NOTIFY),
        label="operation",
        of="retries.",
    ),
    Metric(
        "linkup_retries_succeeded_total",
        "counter",
        "Operations that succeeded after a retry.",
        (GATEWAY, NOTIFY),
        label="operation",
        of="retries_succeeded.",
    ),
    Metric(
        "linkup_fallbacks_total",
        "counter",
        "Uses of a channel other than the socket: http_send, http_sync, email or push.",
        (GATEWAY, NOTIFY),
        label="channel",
        of="fallbacks.",
    ),
    Metric(
        "linkup_webhook_events_total",
        "counter",
        "Attempts to send an event to a webhook, by outcome: delivered, failed or dead.",
        (NOTIFY,),
        label="outcome",
        of="webhook_events.",
    ),
    Metric(
        "linkup_invariant_violations_total",
        "counter",
        "Contradictions that the auditor found in the store, by kind.",
        (PERSISTENCE,),
        label="kind",
        of="invariant.",
    ),
)

STANDARD = frozenset(  # of the client library; on Linux only
    {
        "process_cpu_seconds_total",
        "process_max_fds",
        "process_open_fds",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
        "process_virtual_memory_bytes",
    }
)
