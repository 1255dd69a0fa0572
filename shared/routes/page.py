"""Owns the parameter that the routes of pages have in common."""

from shared import api
from shared.route import Parameter

LIMIT = Parameter("limit", api.PageSize, "The maximum number of results.", api.DEFAULT_LIMIT)
