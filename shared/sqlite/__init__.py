"""Owns the SQLite files of the services: opening, locks, schema versions and copies.

Persistence and notify keep their data in the same way, each with statements of its own.
"""
