"""Owns the schema of the log as a history of migrations."""
