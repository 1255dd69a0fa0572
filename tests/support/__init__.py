"""Parts that several tests share: the running stack, a real nats-server, and waiting."""
