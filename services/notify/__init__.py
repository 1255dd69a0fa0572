"""Notify: follows the log and sends e-mails about unread messages."""
