"""Owns what the user's own clock says: the end of quiet hours, and the ends of digest windows.

The clock on the user's wall decides. Where it is set back it may show an hour twice: quiet hours
are quiet both times. Where it is set forward over their end, they end with that jump.
"""

from datetime import UTC, datetime, time, timedelta, tzinfo

from shared.commands import QuietHours
from shared.frames.fields import Digest

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MORNING = time(8)  # of the user's clock: when a daily and a weekly digest are due


def quiet_until(hours: QuietHours | None, now: int, zone: tzinfo) -> int:
    """The first moment from now on at which the user's clock shows no quiet hour."""
    while hours is not None and _is_quiet(hours, wall := _wall(now, zone)):
        end = now + _until(time.fromisoformat(hours.end), wall)
        now = _jump(now, end, zone) or end
    return now


def window_end(digest: Digest, now: int, zone: tzinfo) -> int:
    """The first end of a window after now: a full hour, 8:00, or 8:00 on a Monday."""
    wall = _wall(now, zone)
    if digest == "hourly":
        return now + (HOUR - (_since_midnight(wall) % HOUR)) // MICROSECOND
    days = 7 if digest == "weekly" else 1
    first = wall.date() - timedelta(days=wall.weekday() % days)
    end = datetime.combine(first, MORNING, zone)
    while _instant(end) <= now:
        end += timedelta(days=days)
    return _instant(end)


def _wall(now: int, zone: tzinfo) -> datetime:
    return (EPOCH + now * MICROSECOND).astimezone(zone)


def _instant(wall: datetime) -> int:
    return (wall - EPOCH) // MICROSECOND


def _is_quiet(hours: QuietHours, wall: datetime) -> bool:
    start, end = time.fromisoformat(hours.start), time.fromisoformat(hours.end)
    if start <= end:
        return start <= wall.time() < end
    return wall.time() >= start or wall.time() < end


def _since_midnight(wall: datetime) -> timedelta:
    return wall.replace(tzinfo=None) - datetime.combine(wall.date(), time())


def _until(end: time, wall: datetime) -> int:
    """Return the microseconds until a clock that nobody sets shows the time."""
    left = datetime.combine(wall.date(), end) - wall.replace(tzinfo=None)
    return (left % DAY) // MICROSECOND


def _jump(after: int, until: int, zone: tzinfo) -> int | None:
    """Return the first moment after the clock is set, if that happens in between."""
    before = _wall(after, zone).utcoffset()
    if _wall(until, zone).utcoffset() == before:
        return None
    while until - after > 1:
        middle = (after + until) // 2
        if _wall(middle, zone).utcoffset() == before:
            after = middle
        else:
            until = middle
    return until
