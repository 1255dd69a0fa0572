"""Time zones are there on every machine."""

import zoneinfo
from zoneinfo import ZoneInfo


def test_s71_zones_are_there_where_the_system_has_none() -> None:
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=())
    try:
        assert ZoneInfo.no_cache("Asia/Tokyo").key == "Asia/Tokyo"
    finally:
        zoneinfo.reset_tzpath(to=before)
