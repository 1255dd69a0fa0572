"""What several tests share: the running stack, a real nats-server, waiting for a condition."""
