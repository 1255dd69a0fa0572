"""The operator's part of notify: audit, backup, counts, the steps of a message."""
