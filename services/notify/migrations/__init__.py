"""Owns the schema of notify's database, as a history that SQLite and PostgreSQL share."""
