"""Tests of what the project hands to others: its container files, its schemas, its documents."""
