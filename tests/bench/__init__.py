"""Measurements of the whole product beside the floors it stands on; `make bench` runs them."""
