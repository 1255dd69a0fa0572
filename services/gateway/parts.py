"""Owns the parts of a gateway, and how they are connected."""

from collections.abc import Iterable

from services.gateway.attachments.inspection import Inspection
from services.gateway.attachments.objects import Objects
from services.gateway.attachments.sweep import Sweep
from services.gateway.auth import Authenticator
from services.gateway.auth.standings import Standings
from services.gateway.handlers import Handlers
from services.gateway.hub import Hub
from services.gateway.presence.announcer import Announcer
from services.gateway.presence.presence import Presence
from services.gateway.presence.typing import Chores, Typing
from services.gateway.rates import Rates
from services.gateway.socket.badges import Counts
from services.gateway.socket.bell import Bell
from services.gateway.socket.burst import Burst
from services.gateway.socket.connection import Connection
from services.gateway.socket.eviction import Eviction
from services.gateway.socket.greeting import Greeting
from services.gateway.socket.refusals import Refusals
from services.gateway.socket.sample import Decoder
from services.gateway.sockets import Sockets
from services.gateway.upstream.allowance import Allowance
from services.gateway.upstream.canary import Canary
from services.gateway.upstream.gathering import Backlog
from services.gateway.upstream.lanes import Lanes
from services.gateway.upstream.moderator import Moderator
from services.gateway.upstream.notices import Notices
from services.gateway.upstream.probes import Upstream, notify_probe
from services.gateway.upstream.profiles import People
from services.gateway.upstream.queries import Log
from services.gateway.upstream.stages import Stages
from services.gateway.upstream.tickets import Tickets
from services.gateway.upstream.whole import Whole
from shared.bus import Bus
from shared.commands import Acquaintance
from shared.health.endpoints import Health
from shared.http.turns import Turns
from shared.settings import Settings


class Parts:
    """All that a gateway consists of, connected to each other. Nothing of it runs yet."""

    def __init__(
        self,
        settings: Settings,
        health: Health,
        nats: Bus,
        auth: Authenticator,
        moderator: Moderator | None,
    ) -> None:
        self.settings, self.health, self.nats = settings, health, nats
        self.auth, self.moderator = auth, moderator
        counters, metrics, turns = health.counters, health.metrics, Turns()
        self.refusals, self.rates = Refusals(counters), Rates(settings)

        self.upstream, self.notify, self.notices = Upstream(nats), notify_probe(nats), Notices(nats)
        self.backlog = Backlog(settings.log_waiting, counters)
        self.log = Log(nats, self.backlog, turns, self._read)
        self.lanes = Lanes(
            nats,
            settings.lanes,
            self._stored,
            settings.queued_per_user,
            Allowance(settings.message_burst, settings.message_rate),
            Stages(metrics),
            moderator.submit if moderator else None,
        )
        self.people, self.tickets = People(self.lanes, self.log), Tickets(self.lanes, self.rates)
        self.whole = Whole(nats, health)

        self.announcer = Announcer(nats, self.lanes, settings.presence_debounce)
        self.chores = Chores()
        self.typing = Typing(nats, self.log, self.chores)
        self.presence = Presence(nats, self.log, settings.presence_debounce)

        self.hub = Hub(nats, self.log, self.announcer, self._on_acquaintance, Burst(metrics))
        auth.standings = Standings(self.log.join)
        self.eviction = Eviction(nats, auth.standings, self.hub.of)
        self.hub.on_compared = self.eviction.compared
        self.counts = Counts(self.notices, self.hub.of)
        self.hub.on_turn = self.counts.want
        self.canary = Canary(
            nats,
            self.lanes,
            settings.canary_every,
            proof=lambda: min(self.upstream.stored_at, self.hub.heard_at),
            upstream=self.upstream.check,
        )

        self.objects = Objects(settings.attachment_store_url)
        self.inspection = Inspection(self.log, self.objects, counters, settings.audit_every)
        self.sweep = Sweep(self.lanes, self.objects, settings.attachment_sweep_every)

        bell = Bell(self.notices)
        self.sockets = Sockets(
            settings,
            Greeting(settings, auth, self.tickets, turns),
            self.hub,
            Handlers(self.lanes, auth, self.typing, self.presence, bell, self.sweep.wake),
            self.people,
            self.counts,
            self.refusals,
            turns,
            Decoder(metrics),
            counters.add,
        )

    def _read(self) -> None:
        """Note that the log has answered a question."""
        self.upstream.read()
        self.health.operated(1)

    def _stored(self, commands: int) -> None:
        self.upstream.stored()
        self.health.operated(commands)

    def _on_acquaintance(self, told: Acquaintance, connections: Iterable[Connection]) -> None:
        if not told.parted:  # the feed says who is in a group
            self.typing.forget(told.user_id)
        self.presence.recheck(connections, told.other_id)
