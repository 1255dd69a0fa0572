"""The upkeep: background work on the store between the transactions of the writer."""
