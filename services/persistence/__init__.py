"""Persistence: the log. The only service that stores messages, marks and feeds."""
