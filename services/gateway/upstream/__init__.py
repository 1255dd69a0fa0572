"""The connection to persistence and notify: commands in lanes, and combined queries."""
