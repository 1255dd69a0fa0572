"""The schema's history: the same for SQLite and PostgreSQL, applied by whoever holds the store."""
