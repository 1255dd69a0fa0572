"""Owns the table of the routes of the operator: errors, reports, audit log and dashboard."""

from shared import api
from shared.errors import NotFound
from shared.frames import KeyName, PositiveInt, UserId
from shared.health.taxonomy import Category, Severity
from shared.route import Answer, Parameter, Route
from shared.routes.page import LIMIT

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/admin/errors",
        limit="admin",
        summary="List the errors of all services, latest first.",
        query=(
            Parameter("category", Category, "Return only errors of this category."),
            Parameter("severity", Severity, "Return only errors of this severity."),
            Parameter("service", api.ServiceName, "Return only errors of this service."),
            Parameter("resolved", bool, "Return only resolved errors, or only open ones."),
            Parameter(
                "since", api.Since, "Return only errors that occurred at this time or later."
            ),
            Parameter("before", api.ErrorMark, "The value of `next` on the previous page."),
            LIMIT,
        ),
        answers=(Answer(200, api.ErrorsAnswer, "The errors."),),
        auth="operator",
    ),
    Route(
        method="POST",
        path="/v1/admin/errors/{error_id}/resolve",
        limit="admin",
        summary="Mark an error as resolved. It is reopened if it occurs again.",
        body=api.ResolveRequest,
        answers=(Answer(200, api.ErrorRecord, "The error is resolved."),),
        errors=(NotFound,),
        auth="operator",
    ),
    Route(
        method="GET",
        path="/v1/admin/reports",
        limit="admin",
        summary="List the reports of users, latest first.",
        query=(
            Parameter("user_id", UserId, "Return only reports about this user."),
            Parameter("resolved", bool, "Return only resolved reports, or only open ones."),
            Parameter(
                "since", api.Since, "Return only reports that were filed at this time or later."
            ),
            LIMIT,
            Parameter("before", api.ReportMark, "The value of `next` on the previous page."),
        ),
        answers=(Answer(200, api.ReportsAnswer, "A page of reports."),),
        auth="operator",
    ),
    Route(
        method="GET",
        path="/v1/admin/reports/{report_id}",
        limit="admin",
        summary="Get one report.",
        answers=(Answer(200, api.Report, "The report."),),
        errors=(NotFound,),
        auth="operator",
    ),
    Route(
        method="POST",
        path="/v1/admin/reports/{report_id}/resolve",
        limit="admin",
        summary="Mark a report as resolved. Resolving it again changes only the notes.",
        body=api.ResolveRequest,
        answers=(Answer(200, api.Report, "The report is resolved."),),
        errors=(NotFound,),
        auth="operator",
    ),
    Route(
        method="GET",
        path="/v1/admin/audit",
        limit="admin",
        summary="List the requests under `/v1/admin` that change something, latest first.",
        query=(
            Parameter("key", KeyName, "Return only requests with this key."),
            Parameter("target", str, "Return only requests about this id, such as a user id."),
            Parameter("since", api.Since, "Return only requests at this time or later."),
            LIMIT,
            Parameter("before", PositiveInt, "The value of `next` on the previous page."),
        ),
        answers=(Answer(200, api.AuditLogAnswer, "A page of the audit log."),),
        auth="operator",
    ),
    Route(
        method="GET",
        path="/v1/admin/dashboard",
        limit="admin",
        summary="Get the users online, the health of the services, and counts of notifications.",
        answers=(Answer(200, api.DashboardAnswer, "The present state."),),
        auth="operator",
    ),
)
