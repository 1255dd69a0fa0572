"""The list of notifications of each user, which the bell shows."""
