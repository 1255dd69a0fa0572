"""Notify: follows the log and tells people what they have not seen."""
