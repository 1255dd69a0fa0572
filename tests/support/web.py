"""Owns HTTP clients for what has no TLS, as a product that a test starts."""

from functools import partial

import httpx2

# By default, each client would load the certificates of the system: that takes 20 ms.
client = partial(httpx2.AsyncClient, verify=False)
