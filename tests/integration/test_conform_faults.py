"""The kit itself: each planted fault makes exactly the checks concerned fail."""

import fnmatch
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from linkup.conform.check import Check
from linkup.conform.checks import ALL
from linkup.conform.deployment import Deployment
from linkup.conform.play import play
from tests.support import faults, notification_faults, progress_faults, push_faults, revision_faults
from tests.support.spoiler import Fault, spoiled
from tests.support.stack import Stack, run_stack

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

PATIENCE = 1.5
AMPLE = 15.0
AT_ONCE = 10  # a fault is waited for, mostly

REPEATED = {
    "message/a-repeat-is-not-delivered-again",
    "order/a-senders-order-is-kept",
    "order/live-frames-come-in-seq-order",
    "feed/every-device-*",
    "feed/cursors-have-no-gap-*",
    "feed/pong-never-runs-ahead",
    "resume/replay*",
    "resume/live-goes-on-*",
    "resume/sync-request-replays-*",
    "resume/sync-request-without-*",
    "resume/resume-of-the-senders-own",
    "view/sync-is-*",
}
LOST = REPEATED - {
    "resume/replay*",
    "view/sync-is-*",
    "resume/sync-request-without-*",
    "resume/resume-of-the-senders-own",
} | {
    "mark/without-up-to-what-*",
    "mark/nobody-read-it-*",
    "resume/replays-*",
}  # fmt: skip
SWAPPED = LOST - {
    "message/a-repeat-is-not-delivered-again",
    "mark/without-up-to-what-*",
    "mark/nobody-read-it-*",
} | {"feed/pong-tells-*"}  # fmt: skip
ECHOED = """
unknown-type no-type unknown-field missing-field wrong-type-of-a-field list-for-a-string
NUL-in-* empty-content white-content 5001-* user-id-* to-and-* neither-*
"""
MALFORMED = {"frame/[!l]*", "frame/list-*", "frame/lone-*", "problem/an-error-has-its-fields"}
RESYNC = {"resume/*-asks-for-a-resync", "resume/a-resync-goes-on-*"}

FAULTS: dict[type[Fault], set[str]] = {
    faults.NothingIsSpoiled: set(),
    faults.DropsDuplicateAcks: {
        "limit/a-rate-limit-says-when",
        "message/resend-returns-*",
        "message/resend-from-*",
        "message/resend-after-*",
        "message/resend-by-*",
        "message/resend-of-a-post-*",
        "message/repeats-at-once-*",
        "message/a-repeat-*",
        "revision/a-resend-*",
    },
    faults.RepeatsAnEvent: REPEATED,
    faults.SwapsTwoEvents: SWAPPED,
    faults.LosesAnEvent: LOST | {"live/typing-never-reaches-the-typist"},
    faults.TrimsContent: {"message/content-comes-exactly-as-sent"},
    faults.LeavesOutTemporary: MALFORMED
    | {
        "limit/*-kib-is-too-large",
        "limit/a-rate-limit-says-when",
        "message/another-*",
        "order/after-waits-*",
        "membership/an-unknown-user-is-not-found",
    },
    faults.SwallowsErrors: MALFORMED
    | {"hello/a-malformed-hello-*", "hello/a-second-hello-*", "problem/an-error-names-*"}
    | {"resume/a-negative-cursor-is-refused", "notification/a-bad-question-*"},
    faults.ForgetsWhomAnErrorConcerns: {
        "notification/a-bad-question-*",
        *(f"frame/{name}" for name in ECHOED.split()),
    },
    faults.MovesThePongsCursor: {
        "feed/pong-tells-*",
        "feed/pong-never-*",
        "mark/a-receipt-is-missed-*",
    },
    faults.AnswersPingsOutOfTurn: {"feed/pongs-come-in-order"},
    faults.PutsACursorIntoAcks: {
        "feed/an-ack-carries-no-cursor",
        "message/resend-over-http",
        "message/resend-of-a-post-*",
    },
    faults.EchoesOwnMessages: {
        "feed/the-sender-gets-the-ack-alone",
        "narrow/the-chat-view-shows-*",
    },
    faults.LetsStrangersListen: {"feed/strangers-hear-nothing"},
    faults.ClaimsToHaveRecovered: RESYNC,
    faults.ResumesFromThePresent: RESYNC
    | {
        "mark/a-receipt-is-missed-*",
        "resume/replay*",
        "resume/live-goes-on-*",
        "resume/resume-of-the-senders-own",
        "resume/a-negative-cursor-*",
        "revision/a-replay-*",
        "reaction/a-missed-*",
        "view/sync-is-*",
    },
    faults.ReadsBeyondWhatWasSent: {"mark/without-up-to-never-*"},
    faults.ReadsWhateverIsDelivered: {
        "mark/delivered-reaches-*",
        "mark/marks-stop-at-*",
        "progress/receipts-tell-*",
        "progress/a-timeline-*",
    },
    faults.IgnoresPredecessors: {"order/after-waits-*", "order/later-*", "order/other-*"},
    faults.KnowsAClientIdPerSocketOnly: {
        "limit/a-rate-limit-says-when",
        "message/resend-from-*",
        "message/resend-after-*",
        "message/resend-o*",
        "message/repeats-at-once-*",
        "message/a-conflict-over-http-*",
    },
    faults.LetsForeignPagesIn: {"hello/a-foreign-origin-is-refused"},
    faults.OverlooksTheSubprotocol: {"hello/the-subprotocol-is-echoed"},
    faults.ClosesWithout4401: {
        "hello/no-hello-*",
        "hello/another-*",
        "hello/hello-without-*",
        "hello/token-*",
        "hello/a-socket-ends-*",
        "ticket/a-ticket-is-good-once",
        "hello/bad-bearer-*",
        "logout/*",
    },
    faults.LetsInWhoLoggedOut: {"logout/a-token-*"},
    faults.LeaksThatAConversationExists: {
        "membership/history-*",
        "membership/a-foreign-page-id-*",
        "view/the-view-of-an-outsider",
        "group/an-outsider-learns-nothing",
        "group/who-is-removed-sees-nothing",
    },
    faults.SaysThatOneIsBlocked: {"block/who-is-blocked-*"},
    faults.FilesReportsAgainAndAgain: {"block/a-report-is-filed-once"},
    faults.ShowsWhateverIsSent: {"attachment/markup-leaves-*"},
    faults.GivesUrlsToWhoAsks: {
        "attachment/a-changed-url-*",
        "attachment/an-outsider-*",
        "attachment/an-erased-*",
    },
    faults.ShowsAnothersInbox: {"membership/the-inbox-of-an-outsider", "page/one-peer"},
    faults.CallsADuplicateCreated: {"message/resend-over-http", "message/posts-answer-*"},
    faults.SaysPlainJson: {
        "problem/an-unknown-route",
        "problem/another-method",
        "problem/with*",
        "problem/a-token-*",
        "problem/a-bad-body",
        "problem/a-large-body",
    },
    faults.LeavesOutRetryAfter: {"limit/a-rate-limit-over-*", "problem/temporary-*"},
    faults.TurnsPagesAround: {
        "order/two-senders-*",
        "page/oldest-first-*",
        "page/before-id-goes-back",
        "page/after-id-goes-forth",
    },
    faults.ForgetsThatThereIsMore: {
        "page/oldest-first-*",
        "page/before-id-goes-back",
        "page/after-id-goes-forth",
        "view/sync-is-*",
    },
    faults.CountsASnapshotTooFar: {
        "resume/a-resync-goes-on-*",
        "page/a-snapshot-*",
        "view/sync-begins-*",
        "view/sync-is-*",
    },
    revision_faults.ForgetsVersions: {
        "revision/an-edit-reaches-*",
        "revision/deleted-for-everyone-*",
        "reaction/a-reaction-reaches-*",
        "view/sync-is-*",
    },
    revision_faults.LosesEdits: {
        "revision/an-edit-reaches-*",
        "revision/editing-over-http",
        "view/sync-is-*",
    },
    revision_faults.LosesWhatIsDeletedForMe: {
        "revision/deleted-for-me-is-told-*",
        "revision/deleting-over-http",
    },
    revision_faults.TellsRevisionsTwice: {
        "revision/a-deletion-can-be-repeated",
        "reaction/one-of-each-*",
        "reaction/a-missed-*",
        "view/sync-is-*",
    },
    revision_faults.BringsErasedTextBack: {"revision/a-tombstone-*", "revision/a-replay-holds-*"},
    revision_faults.LetsAnybodyRevise: {"revision/only-the-sender-*", "block/who-blocks-is-told-*"},
    revision_faults.TellsTheForeignFromTheAbsent: {
        "membership/read-receipt-*",
        "block/nothing-of-a-blocked-*",
        "mark/bulk-reading-of-*",
        "revision/an-outsiders-edit-*",
        "revision/what-is-deleted-*",
        "reaction/a-reaction-of-*",
    },
    revision_faults.LeaksThatAMessageExists: {
        "revision/an-outsider-over-http",
        "progress/an-outsider-*",
    },
    revision_faults.ForgetsReactions: {"reaction/one-of-each-*", "reaction/a-reaction-is-*"},
    revision_faults.ForgetsWhatAReplyIsTo: {"reaction/a-reply-names-*"},
    revision_faults.ReadsOneOfMany: {"mark/bulk-reading-moves-*"},
    revision_faults.DeletesManyOutOfOrder: {"revision/deleting-many-*"},
    revision_faults.LosesConversations: {
        "view/a-beginning-*",
        "view/clearing-is-told-*",
        "view/archive-and-mute-*",
        "block/nothing-of-a-blocked-*",
        "block/a-block-is-told-*",
        "group/each-member-is-told",
        "group/who-is-removed-is-told-last",
    },
    revision_faults.BeginsAgainAndAgain: {
        "view/a-conversation-begins-once",
        "group/a-group-is-made-once",
    },
    revision_faults.MiscountsWhatItHides: {"view/clearing-hides-*"},
    revision_faults.MiscountsTheUnread: {"view/unread-*"},
    revision_faults.SyncsWithAHole: {"view/sync-is-*"},
    revision_faults.SyncsFromAnywhere: {"view/sync-from-*"},
    revision_faults.LosesTyping: {"live/typing-*"},
    revision_faults.TellsTypistsOfThemselves: {"live/typing-never-*", "live/typing-moves-*"},
    revision_faults.MistakesWhereASocketStands: {"live/the-status-*"},
    revision_faults.GoesWithoutAWord: {"live/force-reconnect-*"},
    revision_faults.TakesAnyTokenForARefresh: {"live/refresh-with-*"},
    notification_faults.LosesTheBadge: {"notification/the-badge-*"},
    notification_faults.ForgetsWhoAskedForTheList: {"notification/the-list-*"},
    notification_faults.CountsWhatWasRead: {"notification/reading-all-*"},
    notification_faults.MarksWhatIsNotThere: {"notification/an-unknown-*"},
    notification_faults.ListsMoreThanAHundred: {"notification/a-bad-question-*"},
    notification_faults.ForgetsQuietHours: {"notification/preferences-change-*"},
    notification_faults.TakesBadPreferences: {"notification/bad-preferences-*"},
    push_faults.TakesAnyEndpoint: {"push/an-endpoint-*"},
    push_faults.EndsOnlyWhatIsThere: {"push/a-subscription-*"},
    progress_faults.ForgetsWhoHasIt: {"progress/receipts-tell-*"},
    progress_faults.EndsReceiptsEarly: {"progress/receipts-go-on-*"},
    progress_faults.TellsWhenItWasNot: {"progress/receipts-tell-*"},
    progress_faults.MixesUpTheSteps: {"progress/a-timeline-*"},
    progress_faults.TellsAnybodyWhereItIs: {"progress/only-the-sender-*"},
    progress_faults.CountsOneselfAmongTheOthers: {"progress/a-note-*"},
}
OFTEN = {  # one on the socket, one over HTTP: `make slow`; `make prove` plants them all
    faults.LosesAnEvent,
    faults.LeaksThatAConversationExists,
}


def mark(fault: type[Fault]) -> pytest.MarkDecorator:
    return pytest.mark.slow if fault in OFTEN else pytest.mark.prove


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with run_stack(
        tmp_path_factory.mktemp("stack"), hello_timeout=2.0, sockets_per_address=0
    ) as running:
        yield running


@pytest.mark.parametrize(
    "fault",
    [pytest.param(fault, id=fault.__name__, marks=mark(fault)) for fault in FAULTS],
)
async def test_a_fault_fails_the_checks_concerned_and_no_other(
    stack: Stack, fault: type[Fault]
) -> None:
    async with spoiled(stack.url, fault) as url:
        failed = await failures(url, stack.secret, ALL, PATIENCE)
        strays = failed.keys() - concerned(FAULTS[fault])
        if strays:  # a busy machine breaks a check's patience, a fault breaks any
            again = [check for check in ALL if check.name in strays]
            failed = {name: failed[name] for name in failed.keys() - strays}
            failed |= await failures(url, stack.secret, again, AMPLE)
    assert failed.keys() == concerned(FAULTS[fault]), failed


async def failures(
    url: str, secret: str, checks: Sequence[Check], patience: float
) -> dict[str, tuple[str, str]]:
    """Return what was expected and what came, by the name of each check that failed."""
    deployment = Deployment(url, secret)
    deployment.abuse = True
    found = await play(deployment, checks, lambda text: None, patience, AT_ONCE)
    return {one.name: (one.expected, one.saw) for one in found.checks if one.verdict == "fail"}


def concerned(patterns: set[str]) -> set[str]:
    """The checks of those names; each pattern names at least one."""
    names = [check.name for check in ALL]
    matching = {pattern: fnmatch.filter(names, pattern) for pattern in patterns}
    assert all(matching.values()), matching
    return {name for found in matching.values() for name in found}
