"""The preferences of users, and their time zones."""
