"""The stored state of notify: its position in the log, deliveries, subscriptions, erasure."""
