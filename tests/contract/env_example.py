"""Owns the text of .env.example: every setting with its default and its meaning in one line.

`python -m tests.contract.env_example > .env.example` writes it anew.
"""

import sys
from collections.abc import Iterator, Mapping

from msgspec import to_builtins

from shared.settings import Settings, to_environment, variable

HEAD = """\
# The settings of LinkUp messaging and their defaults. Docker compose reads settings from the file
# .env beside docker-compose.yml. If there is none, copy this file to .env, and remove the # from
# the lines that you change. For production, docs/deploy.md makes a .env with secrets: add your
# lines to it.
# `linkup run` reads the same variables from its environment, or settings from the TOML file that
# LINKUP_CONFIG names, in which LINKUP_HEARTBEAT is written heartbeat. `linkup config` prints the
# effective settings. Without docker compose, a secret can also be read from a file of its own,
# which is named as in LINKUP_JWT_SECRET_FILE=/run/secrets/jwt, or in the TOML file as in
# jwt_secret_file = "/run/secrets/jwt".
#
# Sizes are in bytes, times in seconds. Lists are separated by commas. The line of a setting says
# what 0 means; where it does not, 0 is refused.
"""

FIXED_IN_CONTAINERS = frozenset(
    {"data_dir", "host", "persistence_port", "notify_port", "metrics_port", "nats_url"}
)

MEANINGS: Mapping[str, Mapping[str, str]] = {
    "Everywhere": {
        "data_dir": "The directory of all data.",
        "log_level": "The lowest level to log: debug, info, warning or error.",
        "log_format": "The format of the log: text, json, or auto for text on a terminal"
        " and JSON elsewhere.",
        "canary_every": "The time after which a gateway sends a message to itself if no other"
        " message was sent. 0: no such messages.",
        "health_window": "The time for which an error lowers the health score. The status of a"
        " service"
        " improves only after a fifth of this time.",
        "loop": "The event loop: uvloop, asyncio, or auto for uvloop where it is installed.",
        "metrics": "1: collect metrics and serve them at /metrics. 0: do neither.",
        "host": "The address to listen on. 127.0.0.1 accepts connections from this machine only."
        " With `linkup run`, it is that of the gateway; the other services listen on 127.0.0.1.",
        "gateway_port": "The port of the page, the API and the WebSockets. 0: a free port.",
        "persistence_port": "The port of persistence's health routes. 0: a free port.",
        "notify_port": "The port of notify's health routes. 0: a free port.",
        "metrics_port": "An additional port of the gateway for operators, with /metrics and all"
        " details of /health. 0: no such port.",
        "nats_url": "The NATS servers, as nats://user:password@host:4222, separated by"
        " commas. `linkup run` starts its own.",
    },
    "Gateway": {
        "jwt_secret": "The secret that signs your app's tokens (HS256), at least 32 bytes. While"
        " you change it, set the new and the old secret, separated by a comma.",
        "jwt_audience": "The required audience (`aud`) of a token.",
        "jwt_issuer": "The required issuer (`iss`) of a token. If empty, any issuer is accepted.",
        "jwks_url": "The https address of the public keys of your app's tokens (RS256, ES256,"
        " EdDSA), as a JSON Web Key Set.",
        "jwks_every": "The interval at which the public keys are fetched, at least 10.",
        "jwt_leeway": "The time by which your app's clock may be ahead (`nbf`, `iat`). It does not"
        " extend `exp`. 0: it may not be ahead.",
        "moderation_url": "The https address of your app that is asked whether a message may be"
        " sent; see docs/moderation.md. If empty, nobody is asked.",
        "moderation_secret": "The secret that signs these requests: whsec_ and 24 to 64 bytes in"
        " base64. If empty, they are not signed.",
        "moderation_timeout": "The time within which your app must answer, at most 3.",
        "moderation_on_failure": "The reaction to a missing answer: open to send the message,"
        " closed"
        " to refuse it for now.",
        "admin_key": "The operator's key for all of /v1/admin, at least 32 bytes. While you change"
        " it, set the old and the new key, separated by a comma.",
        "host_key": "The key of your app's server for the routes under /v1/admin about users,"
        " contacts, messages, notifications and webhooks, at least 32 bytes. While you change it,"
        " set the old and the new key, separated by a comma.",
        "dev_login": "1: anybody can sign in as any user, which `linkup run` on loopback sets. 0:"
        " nobody can.",
        "token_url": "The URL in your app at which the page gets a token for the person who is"
        " signed in there, such as https://app.example.com/linkup/token. See docs/embed.md.",
        "frame_ancestors": "Origins of your app, such as https://app.example.com, whose pages may"
        " show the page in a frame and hand it a token. See docs/embed.md.",
        "avatar_origins": "Origins from which the page loads the pictures of people, such as"
        " https://pictures.example.com. Without it, the page shows initials.",
        "allowed_hosts": "Host names that the gateway accepts, besides loopback names, LINKUP_HOST"
        " and the hosts of LINKUP_PUBLIC_URL and LINKUP_ALLOWED_ORIGINS. * accepts any. If empty,"
        " a gateway that does not listen on loopback accepts any name, and warns.",
        "allowed_origins": "Origins of other sites whose pages may connect, such as"
        " https://app.example.com. * is refused.",
        "trusted_proxies": "Addresses or networks of proxies whose X-Forwarded-For header"
        " is trusted. Names are refused.",
        "websocket": "The way in which text frames are read and written: direct, or websockets to"
        " use the Python"
        " library of that name, which costs more CPU.",
        "hello_timeout": "The time within which a new WebSocket must send `hello`.",
        "heartbeat": "The interval at which a client should send `ping`.",
        "strikes_per_minute": "The number of malformed frames a minute that closes a WebSocket. 0:"
        " no limit.",
        "sockets_per_user": "The maximum number of WebSockets of a user, at each gateway. 0: no"
        " limit.",
        "sockets_per_address": "The maximum number of WebSockets from an address, at each gateway."
        " From one address, four times as many connections are accepted. 0: no limit, which"
        " `linkup run` on loopback sets.",
        "api_per_minute": "The maximum number of requests of a user a minute, at each gateway. 0:"
        " no limit.",
        "search_per_minute": "The maximum number of searches of a user a minute, at each gateway."
        " 0: no limit.",
        "upload_per_minute": "The maximum number of uploads of a user a minute, at each gateway."
        " 0: no limit.",
        "auth_per_minute": "The maximum number of demo logins and invalid tickets of an"
        " address a minute, at each gateway. 0: no limit, which `linkup run` on loopback sets.",
        "admin_per_minute": "The maximum number of requests a minute from one address with one"
        " key, at each gateway, to the routes under /v1/admin that LINKUP_HOST_PER_MINUTE does not"
        " cover. It is also the maximum number of requests with wrong keys. 0: no limit.",
        "host_per_minute": "The maximum number of requests a minute from one address with one key,"
        " at each gateway, to the routes that are open to LINKUP_HOST_KEY. 0: no limit.",
        "other_per_minute": "The maximum number a minute, at each gateway, of tickets that a"
        " user gets, and of API documents that an address downloads. 0: no limit.",
        "connections": "The maximum number of connections of a gateway. The limit on open"
        " files may lower it. 0: only that limit.",
        "frames_per_second": "The number of frames a second that are read from a"
        " WebSocket in the long run, or twice LINKUP_MESSAGE_RATE if that is more. 0, here or"
        " there: no limit.",
        "frames_in_flight": "The number of unanswered commands at which a WebSocket is no"
        " longer read.",
        "shouting_for": "The time for which a WebSocket may exceed its rate before it is closed. 0:"
        " it is never closed for this.",
        "requests_per_second": "The number of requests a second that are read from a"
        " connection in the long run. 0, here or in LINKUP_API_PER_MINUTE: no limit.",
        "queued_per_user": "The maximum number of commands of a user that wait in a gateway.",
        "header_bytes": "The maximum size of the head of a request, at least 8192. A single field"
        " may take half of it.",
        "header_timeout": "The time within which the head of a request must arrive.",
        "body_timeout": "The time for which a request or response body may stand still. In the"
        " long run, it must make at least 500 bytes/s.",
        "stall_timeout": "The time for which a WebSocket may leave waiting frames unread before it"
        " is closed.",
        "send_buffer_bytes": "The size of the system's send buffer for a WebSocket, at least 4096.",
        "outbox_frames": "The maximum number of frames that wait for a WebSocket before"
        " it is closed.",
        "outbox_bytes": "The maximum total size of the frames that wait for a WebSocket,"
        " at least 65536.",
        "lanes": "The number of batches that a gateway sends to persistence at the same time, at"
        " most 64.",
        "log_waiting": "The maximum number of queries to persistence that wait in a gateway,"
        " including those of WebSockets that connect. Further ones are refused as `overloaded`.",
        "presence_debounce": "The time for which a user may be away without being shown as offline,"
        " at most 5.",
        "attachments_url": "The location of attachments: file:///path, or"
        " s3://bucket/prefix with the usual variables of S3. If empty,"
        " LINKUP_DATA_DIR/attachments.",
        "attachment_image_bytes": "The maximum size of an image. Each side may have at most"
        " 10,000 pixels.",
        "attachment_document_bytes": "The maximum size of a document, which is any file"
        " that is not an image, audio or video.",
        "attachment_audio_bytes": "The maximum size of an audio file.",
        "attachment_video_bytes": "The maximum size of a video.",
        "attachment_link_for": "The time for which the URL of an attachment is valid.",
        "attachment_sweep_every": "The interval at which unused files are deleted.",
    },
    "Persistence": {
        "message_burst": "The number of messages that a user may send at once.",
        "message_rate": "The number of messages a second that a user may send in the long run. 0:"
        " no limit.",
        "contacts": "The users to whom a user may write: all (open), or only the contacts that the"
        " host app sets (listed).",
        "group_history": "1: new members of a group see earlier messages. 0: they do not.",
        "edit_window": "The time for which a message may be edited after it was sent. 0: no limit.",
        "delete_window": "The time for which a message may be deleted for everyone after it was"
        " sent. 0: no limit.",
        "feed_retention": "The time for which the feed is kept for clients to resume, at least"
        " 604800. 0: for ever. Messages are always kept.",
        "follower_patience": "The time for which old entries of the feed are kept for notify or a"
        " webhook that does not read them, at least 86400.",
        "attachment_unsent_for": "The time for which an upload is kept if no message is sent with"
        " it.",
        "database_url": "The database of persistence, as sqlite:////path. If empty,"
        " LINKUP_DATA_DIR/linkup.db.",
        "readers": "The number of queries that persistence answers at the same time, at most 32.",
        "audit_every": "The pause between two audits of the stored data. 0: no audits.",
        "errors_keep": "The time for which an error record is kept after the error last occurred."
        " 0: for ever.",
        "audit_log_keep": "The time for which an entry of the audit log is kept. 0: for ever.",
    },
    "Notify": {
        "notify_database_url": "The database of notify, as sqlite:////path. If empty,"
        " LINKUP_DATA_DIR/notify.db.",
        "notify_push_after": "The time for which a message, or a notification from your app, stays"
        " undelivered before it is pushed to the browsers that the user has subscribed."
        " 0: at once.",
        "notify_email_after": "The time for which a message, or a notification from your app, stays"
        " unread before an e-mail is sent. 0: at once.",
        "notify_email_pause": "The pause before the next e-mail about the same conversation. It"
        " doubles with each e-mail, up to a week, until the user reads something in the"
        " conversation. 0: no pause.",
        "notification_types": "Types of notifications of your app, such as order_shipped, besides"
        " the 17 built-in ones.",
        "notification_defaults": "The channels of each type for users who have not chosen, such as"
        " post_liked=realtime+push. Instead of channels: none for a notification that is only"
        " listed, off for one that is not even listed.",
        "notification_keep": "The time for which a notification is kept after it was read. Unread"
        " ones are kept for at least 180 days. 0: all for ever.",
        "public_url": "The address of the page for links in e-mails and push notifications, such as"
        " https://chat.example.com.",
        "conversation_url": "The URL of a conversation for links in e-mails and push notifications,"
        " with"
        " {conversation_id} or {user_id} in it, such as"
        " https://app.example.com/messages/{conversation_id}. If empty, the page below"
        " LINKUP_PUBLIC_URL.",
        "templates": "A folder with templates and words that replace those of the e-mails; see"
        " docs/notifications.md.",
        "smtp_host": "The name of the mail server. If empty, e-mails are written to"
        " LINKUP_DATA_DIR/mail.",
        "smtp_port": "The port of the mail server.",
        "smtp_user": "The user name for the mail server. If empty, there is no login.",
        "smtp_password": "The password for the mail server.",
        "smtp_security": "The encryption of the connection to the mail server: starttls,"
        " tls or none.",
        "smtp_from": "The sender of the e-mails.",
        "smtp_connections": "The maximum number of connections to the mail server at the same time,"
        " at most 100. More than four are only made while e-mails leave fast.",
        "smtp_refusals": "The number of times in a row that the mail server says there is no such"
        " mailbox, after which this address gets no e-mail. When the user's address changes, the"
        " user gets e-mails again."
        " 0: refusals never end the e-mails.",
        "smtp_retry_strategy": "The growth of the pauses between two attempts to send an e-mail:"
        " exponential, linear or fixed.",
        "smtp_retry_attempts": "The maximum number of attempts to send an e-mail, at most 1000.",
        "smtp_retry_base": "The first pause between two attempts.",
        "smtp_retry_cap": "The longest pause between two attempts.",
        "vapid_private_key": "The private key of web push, which `linkup vapid` makes. `linkup run`"
        " makes one by itself. If empty, there is no web push.",
        "vapid_subject": "The address at which push services can reach you, as"
        " mailto:admin@example.com or https://example.com. If empty, the address of"
        " LINKUP_SMTP_FROM.",
        "push_content": "The content of a push notification: full, or none for a text that"
        " does not tell who wrote what.",
        "outbound_allowed": "Hosts and networks that LinkUp may send requests to although they are"
        " private, on any port. All other URLs of push subscriptions, webhooks, LINKUP_JWKS_URL"
        " and LINKUP_MODERATION_URL must name a public host and the port 443 or 8443.",
        "webhook_retry_strategy": "The growth of the pauses between two attempts to send an event"
        " to a webhook: exponential, linear or fixed.",
        "webhook_retry_base": "The first pause between two attempts.",
        "webhook_retry_cap": "The longest pause between two attempts.",
        "webhook_retry_for": "The time for which an event is tried before it is given up, at most"
        " 2592000.",
    },
}

TAIL = """\

# ---------------------------------------------------------------- docker compose only
#
# docker-compose.yml has its own defaults for LINKUP_JWT_SECRET, LINKUP_DEV_LOGIN and
# LINKUP_PUBLIC_URL, which make a demo for this machine. Its default for LINKUP_ALLOWED_HOSTS is
# gateway, so other names are refused. docs/deploy.md describes production, which needs
# COMPOSE_FILE. The passwords of NATS must consist of letters and digits.

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
