"""Webhooks: requests that tell the host's own server what happened.

log ──▶ reader ──▶ rows: events that wait ──▶ backlog ──▶ sender ──▶ the host's server
         │                                                  │
         └── its position, written with them                └── delivered: the row goes
                                                                failed: due later, or dead
"""
