"""The decisions about deliveries: pure functions from what is known to what is to be done.

Values in, values out; the time is an argument. Times are microseconds since 1970, UTC.
"""
