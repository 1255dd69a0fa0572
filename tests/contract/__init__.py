"""What the project promises to those around it: its files for containers, its schemas."""
