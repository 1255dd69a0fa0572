"""Owns the faults that concern notifications: their frames, their list and their preferences."""

from tests.support.spoiler import Call, Fault, Frame

LIST = "/v1/notifications"
PREFERENCES = "/v1/notification-preferences"


class LosesTheBadge(Fault):
    def down(self, frame: Frame) -> list[Frame]:
        return [] if frame["type"] == "badge_update" else [frame]


class ForgetsWhoAskedForTheList(Fault):
    """The list comes, without the `client_id` of the question."""

    def down(self, frame: Frame) -> list[Frame]:
        if frame["type"] == "notifications_list":
            frame.pop("client_id", None)
        return [frame]


class CountsWhatWasRead(Fault):
    """All was unread, whatever was."""

    def down(self, frame: Frame) -> list[Frame]:
        return [frame | {"count": 7}] if frame["type"] == "notifications_read" else [frame]


class MarksWhatIsNotThere(Fault):
    """A notification that the user does not have is marked all the same."""

    def answer(self, call: Call) -> Call:
        marked = call.path.startswith(f"{LIST}/") and call.status == 404
        return call.but(status=200, body={"count": 0, "unread_count": 0}) if marked else call


class ListsMoreThanAHundred(Fault):
    """A limit out of range is taken for the usual one."""

    def answer(self, call: Call) -> Call:
        bad = call.path == LIST and call.status == 400
        return call.but(status=200, body={"notifications": []}) if bad else call


class ForgetsQuietHours(Fault):
    def answer(self, call: Call) -> Call:
        told = call.path == PREFERENCES and call.status == 200
        return call.but(body={**call.body, "quiet_hours": None}) if told else call


class TakesBadPreferences(Fault):
    def answer(self, call: Call) -> Call:
        refused = call.path == PREFERENCES and call.status == 400
        return call.but(status=200) if refused else call
