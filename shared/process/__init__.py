"""The life of a service process: its command, its log, its start, its server, and its reports."""
