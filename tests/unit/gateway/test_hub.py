"""A feed continues at the right place after a reconnect."""

import pytest

from services.gateway.socket.feed import MAX_MISSED, resume_point
from shared.commands import Joined
from shared.frames import Hello

HEAD = 20_000


@pytest.mark.parametrize(
    ("hello", "cursor", "recovered"),
    [
        (Hello(), HEAD, True),
        (Hello(epoch="e1"), HEAD, True),
        (Hello(epoch="e1", cursor=HEAD), HEAD, True),
        (Hello(epoch="e1", cursor=HEAD - 1), HEAD - 1, True),
        (Hello(epoch="e1", cursor=HEAD - MAX_MISSED), HEAD - MAX_MISSED, True),
        (Hello(epoch="e1", cursor=HEAD - MAX_MISSED - 1), HEAD, False),
        (Hello(epoch="e1", cursor=HEAD + 1), HEAD, False),  # the store was set back
        (Hello(epoch="e2", cursor=HEAD), HEAD, False),
        (Hello(cursor=HEAD), HEAD, False),  # of which store?
    ],
)
def test_c6_all_that_was_missed_or_resync_required(
    hello: Hello, cursor: int, recovered: bool
) -> None:
    found, reason = resume_point(hello, Joined(epoch="e1", head=HEAD, profile=None))
    assert (found, reason is None) == (cursor, recovered)


@pytest.mark.parametrize(("cursor", "recovered"), [(HEAD - 6, False), (HEAD - 5, True)])
def test_s50_what_was_pruned_is_not_gone_on_from(cursor: int, recovered: bool) -> None:
    joined = Joined(epoch="e1", head=HEAD, profile=None, oldest=HEAD - 5)
    _, reason = resume_point(Hello(epoch="e1", cursor=cursor), joined)
    assert (reason is None) == recovered
