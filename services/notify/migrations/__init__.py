"""Owns the schema of notify's database as a history of migrations."""
