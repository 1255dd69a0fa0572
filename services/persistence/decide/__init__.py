"""The decisions: pure functions from the rows that were read to the rows to write."""
