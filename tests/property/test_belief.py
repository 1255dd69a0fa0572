"""The presence that watchers see, under a virtual clock and a bus that loses announcements."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.presence import presence, probe
from services.gateway.presence.belief import AGAIN, Belief
from shared.settings import Settings

DEBOUNCE = Settings().presence_debounce
TICK = DEBOUNCE / presence.TICKS
GATEWAYS = 3


@dataclass
class World:
    """One watched user with sockets on some gateways, and one watcher."""

    now: float = 0.0
    sockets: list[int] = field(default_factory=lambda: [0] * GATEWAYS)
    left: dict[int, float] = field(default_factory=dict)  # the gateways that still answer
    belief: Belief = field(default_factory=lambda: Belief(DEBOUNCE))
    told: list[bool] = field(default_factory=list)
    deaf: bool = False  # announcements are lost

    @property
    def held(self) -> bool:
        return any(self.sockets) or bool(self.left)

    def lose(self, deaf: bool) -> None:
        self.deaf = deaf

    def come(self, gateway: int) -> None:
        self.sockets[gateway] += 1
        self.left.pop(gateway, None)
        self.announce(True)

    def go(self, gateway: int) -> None:
        if self.sockets[gateway] == 1:
            self.left[gateway] = self.now
        self.sockets[gateway] = max(0, self.sockets[gateway] - 1)

    def die(self, gateway: int) -> None:
        """kill -9: nobody says anything."""
        self.sockets[gateway] = 0
        self.left.pop(gateway, None)

    def announce(self, online: bool) -> None:
        if not self.deaf:
            self.note(self.belief.announced(online, self.now))

    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now += TICK
            for gateway in [g for g, at in self.left.items() if at + DEBOUNCE <= self.now]:
                del self.left[gateway]
                if not self.held:
                    self.announce(False)
            if self.belief.ask_at <= self.now:
                self.note(self.belief.answered(self.held, self.now, self.now))

    def note(self, changed: bool) -> None:
        if changed:
            assert self.belief.online is not None
            self.told.append(self.belief.online)


gateways = st.integers(0, GATEWAYS - 1)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("come"), gateways),
        st.tuples(st.just("go"), gateways),
        st.tuples(st.just("die"), gateways),
        st.tuples(st.just("lose"), st.booleans()),
        st.tuples(st.just("wait"), st.floats(0.5, 40.0)),
    ),
    max_size=40,
)

some_stay = st.floats(DEBOUNCE + TICK, 60.0)


def test_s63_the_timers_of_presence_add_up_to_less_than_30_s() -> None:
    """Asked for again, answered by nobody; once more after the debounce; each a tick late."""
    assert AGAIN * DEBOUNCE + DEBOUNCE + 2 * (TICK + probe.TIMEOUT) <= 30


@given(steps)
def test_s63_offline_in_time_whatever_was_lost_and_told_once(
    happened: list[tuple[str, ...]],
) -> None:
    world = World()
    world.wait(TICK)
    for name, *given_ in happened:
        getattr(world, name)(*given_)
    for gateway in range(GATEWAYS):
        world.die(gateway)
    world.wait(AGAIN * DEBOUNCE + DEBOUNCE + 2 * TICK)
    assert world.belief.online is False
    assert all(one is not other for one, other in zip(world.told, world.told[1:], strict=False))


@given(
    st.lists(
        st.tuples(gateways, st.booleans(), st.floats(0.0, DEBOUNCE - 2 * TICK), some_stay),
        max_size=20,
    )
)
def test_s63_who_is_back_within_five_seconds_was_never_away(
    flaps: list[tuple[int, bool, float, float]],
) -> None:
    """Sockets move between gateways, in a rolling restart or because one was killed; not several
    within one debounce."""
    world = World()
    world.come(0)
    at = 0
    for target, killed, away, stay in flaps:
        if killed:
            world.die(at)
        else:
            world.go(at)
        world.wait(away)
        world.come(target)
        at = target
        world.wait(stay)
    assert world.told == [True], flaps


@given(st.floats(0.0, 30.0))
def test_an_answer_from_before_they_left_is_not_believed(late: float) -> None:
    belief = Belief(DEBOUNCE)
    belief.announced(True, 0.0)
    belief.announced(False, 10.0)
    assert not belief.answered(True, 10.0 - DEBOUNCE - 0.1, 10.0 + late)
    assert not belief.answered(False, 9.9, 10.0 + late)
    assert belief.answered(False, 10.0, 10.0 + late)


def test_who_may_be_coming_back_is_not_called_offline_at_once() -> None:
    belief = Belief(DEBOUNCE)
    belief.doubt(0.0)
    assert not belief.answered(False, 0.0, 0.1)
    assert (belief.online, belief.ask_at) == (None, DEBOUNCE)
    assert belief.announced(True, 1.0)
    assert Belief(DEBOUNCE).answered(False, 0.0, 0.1)


def test_what_could_not_be_asked_changes_nothing() -> None:
    belief = Belief(DEBOUNCE)
    belief.announced(True, 0.0)
    assert not belief.answered(None, AGAIN * DEBOUNCE, AGAIN * DEBOUNCE)
    assert (belief.online, belief.ask_at) == (True, (AGAIN + 1) * DEBOUNCE)
