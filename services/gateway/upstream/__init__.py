"""The way to persistence and notify: commands in lanes, questions gathered from many askers."""
