"""The decisions: pure functions from what a transaction read to what it writes and tells."""
