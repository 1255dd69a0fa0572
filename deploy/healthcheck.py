"""The image's health check: is the service on that port of this container ready?"""

import http.client
import sys

connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=3)
try:
    connection.request("GET", "/readyz")
    answer = connection.getresponse()
    sys.stdout.write(answer.read().decode())
except OSError as error:
    sys.exit(f"port {sys.argv[1]}: {error}")
sys.exit(answer.status != 200)
