"""Owns the schema of notify's database as a history, the same for SQLite and PostgreSQL."""
