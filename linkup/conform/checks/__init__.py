"""Owns the list of all checks; each module holds those of one noun."""

from linkup.conform.checks import (
    close,
    feed,
    frame,
    hello,
    limit,
    live,
    mark,
    membership,
    message,
    order,
    page,
    problem,
    resume,
    search,
    ticket,
)

ALL = (
    *hello.CHECKS,
    *ticket.CHECKS,
    *frame.CHECKS,
    *limit.CHECKS,
    *message.CHECKS,
    *order.CHECKS,
    *feed.CHECKS,
    *live.CHECKS,
    *mark.CHECKS,
    *resume.CHECKS,
    *page.CHECKS,
    *problem.CHECKS,
    *search.CHECKS,
    *membership.CHECKS,
    *close.CHECKS,
)
