"""Files of messages: their types, bytes, permissions and expiry."""
