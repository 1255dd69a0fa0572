"""Owns the faults that concern what a sender is told of where a message is."""

from tests.support.spoiler import Call, Fault


class ForgetsWhoHasIt(Fault):
    """The marks are somewhere, the receipts do not show them."""

    def answer(self, call: Call) -> Call:
        if not call.path.endswith("/receipts") or call.status != 200:
            return call
        unread = {"read": False, "read_at": None}
        return call.but(
            body={**call.body, "receipts": [{**one, **unread} for one in call.body["receipts"]]}
        )


class EndsReceiptsEarly(Fault):
    def answer(self, call: Call) -> Call:
        listed = call.path.endswith("/receipts") and call.status == 200
        return call.but(body={**call.body, "next": None}) if listed else call


class TellsWhenItWasNot(Fault):
    """A moment of delivery before there was a message."""

    def answer(self, call: Call) -> Call:
        if not call.path.endswith("/receipts") or call.status != 200:
            return call
        early = {"delivered_at": "2001-01-01T00:00:00Z"}
        told = [one | early if one["delivered"] else one for one in call.body["receipts"]]
        return call.but(body={**call.body, "receipts": told})


class MixesUpTheSteps(Fault):
    def answer(self, call: Call) -> Call:
        if not call.path.endswith("/timeline") or call.status != 200:
            return call
        return call.but(body={**call.body, "steps": call.body["steps"][::-1]})


class TellsAnybodyWhereItIs(Fault):
    def answer(self, call: Call) -> Call:
        asked = call.path.endswith(("/receipts", "/timeline")) and call.status == 403
        return call.but(status=200, body={"receipts": [], "steps": []}) if asked else call


class CountsOneselfAmongTheOthers(Fault):
    """A note to oneself was delivered to oneself."""

    def answer(self, call: Call) -> Call:
        if not call.path.endswith("/receipts") or call.status != 200 or call.body["receipts"]:
            return call
        return call.but(body={**call.body, "member_count": 1})
