"""Owns the faults that concern web push: which subscriptions are taken, and which end."""

from tests.support.spoiler import Call, Fault

SUBSCRIPTIONS = "/v1/push-subscriptions"


class TakesAnyEndpoint(Fault):
    def answer(self, call: Call) -> Call:
        refused = call.path == SUBSCRIPTIONS and call.status == 400
        return call.but(status=204) if refused else call


class EndsOnlyWhatIsThere(Fault):
    """Unsubscribing once more is an error."""

    def answer(self, call: Call) -> Call:
        ended = call.path == SUBSCRIPTIONS and call.method == "DELETE"
        return call.but(status=404) if ended else call
