"""Owns decisions on the standing of a user: bans, and tokens that are refused. Pure."""

from msgspec.structs import replace

from services.persistence.decide.absent import NO_USER
from services.persistence.decide.transaction import Transaction
from shared.commands import GOOD, Disconnect, Result, RevokeToken, SetBan, Standing

MOST_REVOKED = 50  # tokens of a user one by one; more than that are refused all together


def set_ban(tx: Transaction, command: SetBan) -> Result:
    """Ban a user, or end that. A ban that ends leaves what was revoked."""
    if command.user_id not in tx.state.heads:
        return NO_USER
    return _put(tx, command.user_id, replace(_now(tx, command.user_id), banned=command.banned))


def disconnect(tx: Transaction, command: Disconnect) -> Result:
    if command.user_id not in tx.state.heads:
        return NO_USER
    return _put(tx, command.user_id, _refusing_all(tx, _now(tx, command.user_id)))


def revoke(tx: Transaction, command: RevokeToken) -> Result:
    """Revoke a token. The user of a good token exists from now on, so that what is revoked is
    found."""
    tx.head(command.user_id)
    now = _now(tx, command.user_id)
    if command.expires_at <= tx.state.now:
        return now
    revoked = {**now.revoked, command.token_id: command.expires_at}
    if len(revoked) > MOST_REVOKED:
        oldest = next(iter(revoked))
        del revoked[oldest]
        now = _refusing_all(tx, now)
    return _put(tx, command.user_id, replace(now, revoked=revoked))


def good_at(standing: Standing) -> int | None:
    """Return when the standing becomes good by itself, or None if it never does."""
    if standing.banned or standing.valid_after:
        return None
    return max(standing.revoked.values(), default=0)


def _now(tx: Transaction, user_id: str) -> Standing:
    """Return the standing without the tokens that have expired meanwhile."""
    found = tx.state.standings.get(user_id, GOOD)
    live = {token: at for token, at in found.revoked.items() if at > tx.state.now}
    return replace(found, revoked=live)


def _refusing_all(tx: Transaction, standing: Standing) -> Standing:
    """Refuse all tokens issued until now. A clock that is set back makes none good again."""
    return replace(standing, valid_after=max(tx.state.now, standing.valid_after))


def _put(tx: Transaction, user_id: str, standing: Standing) -> Standing:
    tx.state.standings[user_id] = standing
    tx.changes.standings.add(user_id)
    return standing
