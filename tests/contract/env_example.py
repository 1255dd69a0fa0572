"""Owns the text of .env.example: every setting with its default and its meaning in one line.

`python -m tests.contract.env_example > .env.example` writes it anew.
"""

import sys
from collections.abc import Iterator, Mapping

from msgspec import to_builtins

from shared.settings import Settings, to_environment, variable

HEAD = """\
# The settings of LinkUp messaging and their defaults. Copy this file to .env, beside
# docker-compose.yml, and take the # from what you change: docker compose reads it from there.
# `linkup run` takes the same variables from its environment, or from a file in TOML that
# LINKUP_CONFIG names; `linkup config` prints what is in force. There, a secret may also come
# from a file: LINKUP_JWT_SECRET_FILE=/run/secrets/jwt.
#
# Sizes are in bytes, times in seconds; 0 switches a limit off. Lists are separated by commas.
"""

FIXED_IN_CONTAINERS = frozenset({"data_dir", "host", "persistence_port", "notify_port", "nats_url"})

MEANINGS: Mapping[str, Mapping[str, str]] = {
    "Everywhere": {
        "data_dir": "Where everything is kept.",
        "log_level": "debug, info, warning or error.",
        "log_format": "text, json, or auto: text on a terminal, JSON elsewhere.",
        "loop": "The event loop: uvloop, asyncio, or auto: uvloop where it is installed.",
        "host": "The address to listen on; 127.0.0.1 is reached from this machine only.",
        "gateway_port": "The port of the page, the API and the sockets.",
        "persistence_port": "The port of persistence's health routes.",
        "notify_port": "The port of notify's health routes.",
        "nats_url": "The broker, as nats://user:password@host:4222, several by comma; `linkup run`"
        " starts its own.",
    },
    "Gateway": {
        "jwt_secret": "What your app signs its tokens with (HS256); 32 bytes or more.",
        "jwt_audience": "What a token must say in `aud`.",
        "jwt_leeway": "How far your app's clock may be ahead (`nbf`, `iat`); `exp` ends on time.",
        "dev_login": "1: everybody can log in as anybody. `linkup run` sets it on loopback.",
        "allowed_hosts": "Names this server answers to, beside the loopback names and the hosts of"
        " LINKUP_PUBLIC_URL and LINKUP_ALLOWED_ORIGINS; *: any.",
        "allowed_origins": "Other sites whose pages may connect and call, each as"
        " https://app.example.com; * is refused.",
        "trusted_proxies": "Addresses or networks whose X-Forwarded-For is believed; no names.",
        "hello_timeout": "How long a new socket may stay silent.",
        "heartbeat": "How often a client is to send a ping.",
        "strikes_per_minute": "Malformed frames in a minute after which a socket is closed.",
        "sockets_per_user": "Open sockets of one user, at each gateway.",
        "sockets_per_address": "Open sockets from one address, at each gateway; four times as many"
        " connections. `linkup run` on loopback sets no limit.",
        "api_per_minute": "Requests of a user in a minute, at each gateway.",
        "search_per_minute": "The same for searching, at each gateway.",
        "upload_per_minute": "The same for uploading, at each gateway.",
        "auth_per_minute": "Demo logins in a minute from an address, and wrong tickets, at each"
        " gateway. `linkup run` on loopback sets no limit.",
        "other_per_minute": "Tickets a user buys in a minute, and documents an address reads,"
        " at each gateway.",
        "connections": "Connections of a gateway at most; the limit on open files may allow less.",
        "frames_per_second": "Frames a socket is read at in the long run, without message_rate=0.",
        "frames_in_flight": "Commands of a socket on their way, before no more is read from it.",
        "shouting_for": "How long a socket may go on sending too much before it is closed.",
        "requests_per_second": "Requests a connection is read at, unless api_per_minute is 0.",
        "queued_per_user": "Commands of a user that may wait in a gateway.",
        "header_bytes": "What the head of a request may hold; half of it in one field.",
        "header_timeout": "How long the head of a request may take.",
        "body_timeout": "How long a body may stand still, either way; 500 bytes/s are enough.",
        "stall_timeout": "How long a socket may take nothing of what waits for it.",
        "send_buffer_bytes": "What the system may keep for a socket that does not read.",
        "outbox_frames": "Frames that may wait for a slow client before it is disconnected.",
        "outbox_bytes": "The same in bytes; 65536 or more.",
        "lanes": "Batches on their way to the store at the same time.",
        "log_waiting": "Joins and look-ups that may wait in a gateway for the log; beyond it:"
        " overloaded.",
        "presence_debounce": "Who is back within it was never offline; at most 5.",
        "attachments_url": "Where files lie: file:///path or s3://bucket/prefix (S3's own"
        " variables then too); empty: LINKUP_DATA_DIR/attachments.",
        "attachment_image_bytes": "What an image may hold; it has at most 10,000 pixels a side.",
        "attachment_document_bytes": "What a document may hold: whatever is none of the others.",
        "attachment_audio_bytes": "What a sound may hold.",
        "attachment_video_bytes": "What a video may hold.",
        "attachment_link_for": "How long the URL of a file can be used.",
        "attachment_sweep_every": "How often files that nobody needs are looked for.",
    },
    "Persistence": {
        "message_burst": "Messages a user may send at once.",
        "message_rate": "Messages a second a user may send in the long run.",
        "group_history": "1: who joins a group sees what was said before.",
        "edit_window": "How long after it was sent a message may be edited.",
        "delete_window": "How long after it was sent a message may be deleted for everyone.",
        "feed_retention": "How long clients can catch up, 604800 or more; messages stay.",
        "follower_patience": "How long the feed waits for a silent follower; 86400 or more.",
        "attachment_unsent_for": "How long a file that was uploaded may wait to be sent.",
        "database_url": "The log's database, as sqlite:////path; empty: LINKUP_DATA_DIR/linkup.db.",
        "readers": "Queries answered at the same time.",
    },
    "Notify": {
        "notify_database_url": "Notify's database; empty: LINKUP_DATA_DIR/notify.db.",
        "notify_email_after": "How long a message stays unread before an e-mail is sent.",
        "notify_email_pause": "The pause before the next one; it doubles until something is read.",
        "public_url": "The address of the page, for the links in e-mails, as https://chat.example.com.",
        "smtp_host": "The mail server's name; empty: e-mails become LINKUP_DATA_DIR/mail/*.eml.",
        "smtp_port": "Its port.",
        "smtp_user": "The name to log in with; empty: no login.",
        "smtp_password": "The password to log in with.",
        "smtp_security": "starttls, tls or none.",
        "smtp_from": "The sender of the e-mails.",
    },
}

TAIL = """\

# ---------------------------------------------------------------- docker compose only
#
# Its own defaults for LINKUP_JWT_SECRET, LINKUP_DEV_LOGIN and LINKUP_PUBLIC_URL make a demo for
# this machine. docs/deploy.md says what production sets; COMPOSE_FILE is the first of it. The
# broker's passwords are letters and digits.

# COMPOSE_FILE=docker-compose.yml:deploy/production.yml
# NATS_GATEWAY_PASSWORD=gateway-demo
# NATS_PERSISTENCE_PASSWORD=persistence-demo
# NATS_NOTIFY_PASSWORD=notify-demo
# NATS_OPERATOR_PASSWORD=operator-demo
"""


def text() -> str:
    """Raises KeyError for a setting that has no meaning here."""
    return HEAD + "".join(_sections()) + TAIL


def _sections() -> Iterator[str]:
    defaults = to_environment(to_builtins(Settings()))
    for title, meanings in MEANINGS.items():
        yield f"\n# {'-' * 64} {title.lower()}\n"
        for name, meaning in meanings.items():
            fixed = " (Fixed in containers.)" if name in FIXED_IN_CONTAINERS else ""
            yield f"\n# {meaning}{fixed}\n"
            yield f"# {variable(name)}={defaults.pop(variable(name))}\n"
    if defaults:
        raise KeyError(f"say in MEANINGS what these mean: {', '.join(defaults)}")


if __name__ == "__main__":
    sys.stdout.write(text())
