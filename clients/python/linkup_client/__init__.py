"""Python client of LinkUp messaging."""
