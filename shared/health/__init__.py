"""The health of a process: its errors, checks, metrics, score and report, and who may read them."""
