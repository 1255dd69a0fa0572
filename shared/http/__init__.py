"""The HTTP connections of every service: accepting, limits, and requests up to their body."""
