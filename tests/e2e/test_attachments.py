"""Tests files on the page: chosen, pasted or dropped, shown to the other, and gone when deleted."""

import asyncio
import struct
import zlib
from pathlib import Path

import pytest
from playwright.async_api import Page, Route, expect

from tests.e2e.browser import Open, delete, has_status, messages, own, send

GIVE = """([type, where, name, text]) => {
    const carried = new DataTransfer();
    carried.items.add(new File([text], name));
    const more = type === "paste" ? { clipboardData: carried } : { dataTransfer: carried };
    const event = new Event(type, { bubbles: true, cancelable: true });
    document.querySelector(where).dispatchEvent(Object.assign(event, more));
}"""

HOLD_UPLOADS = """() => {
    const send = XMLHttpRequest.prototype.send;
    XMLHttpRequest.prototype.send = function (body) {
        window.letGo = () => send.call(this, body);
    };
}"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]


def picture(width: int, height: int) -> bytes:
    """A PNG of two colours."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    lines = [
        b"\0" + b"".join(dot(x, y, width, height) for x in range(width)) for y in range(height)
    ]
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"".join(lines))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def dot(x: int, y: int, width: int, height: int) -> bytes:
    return bytes((15, 118, 110) if x * height < y * width else (216, 240, 234))


async def give(page: Page, how: str, where: str, name: str, text: str) -> None:
    await page.evaluate(GIVE, [how, where, name, text])


async def test_s45_s88_files_chosen_pasted_and_dropped_reach_the_other(
    open_as: Open, tmp_path: Path
) -> None:
    rita = await open_as("rita", "/chat/rolf/")
    rolf = await open_as("rolf", "/chat/rita/")
    photo = tmp_path / "pier.png"
    photo.write_bytes(picture(640, 360))
    await rita.get_by_label("Files", exact=True).set_input_files(photo)
    await give(rita, "paste", "#composer", "plan.txt", "north side")
    await give(rita, "drop", ".conversation", "notes.txt", "power outlets")
    await expect(rita.locator(".tray .file-name")).to_have_text(
        ["pier.png", "plan.txt", "notes.txt"]
    )
    await rita.get_by_role("button", name="Remove notes.txt").click()
    await send(rita, "As promised")
    await has_status(own(rita, "As promised"), "read")

    for page in (rita, rolf):
        image = page.locator(".picture img")
        await expect(image).to_have_js_property("complete", True)
        await expect(image).not_to_have_js_property("naturalWidth", 0)
        await expect(page.locator(".row .file-name")).to_have_text(["plan.txt"])
    async with rolf.expect_download() as downloading:
        await rolf.get_by_role("button", name="Download plan.txt").click()
    download = await downloading.value
    await download.save_as(tmp_path / "plan.txt")
    assert (tmp_path / "plan.txt").read_text() == "north side"
    await rolf.get_by_role("button", name="Open pier.png").click()
    await expect(rolf.locator(".viewer img")).to_have_js_property("naturalWidth", 640)
    await rolf.keyboard.press("Escape")

    await delete(rita, "As promised", "everyone")
    for page in (rita, rolf):
        await expect(messages(page)).to_have_text(["Message deleted"])
        await expect(page.locator(".picture, .row .file")).to_have_count(0)


async def test_s45_a_file_the_server_refuses_is_said_and_the_rest_goes(open_as: Open) -> None:
    page = await open_as("sven", "/chat/sven/")
    await give(page, "drop", ".conversation", "game.exe", "MZ" + "\0" * 200)
    await expect(page.locator(".toast")).to_contain_text("game.exe: ")
    await expect(page.locator(".tray")).to_be_hidden()
    await give(page, "drop", ".conversation", "list.txt", "milk")
    await expect(page.get_by_role("button", name="Send")).to_be_enabled()
    await page.get_by_role("button", name="Send").click()  # a file says enough
    await has_status(page.locator(".row.own"), "sent")
    await expect(page.locator(".chats .preview")).to_have_text("📎 list.txt")


async def drop_from_disk(page: Page, *paths: Path) -> None:
    """As the desktop does: the browser itself opens what is at these paths."""
    session = await page.context.new_cdp_session(page)
    dragged = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        where = {"type": kind, "x": 800, "y": 300, "data": dragged}
        await session.send("Input.dispatchDragEvent", where)
    await session.detach()


async def test_f_p16_of_a_folder_or_a_file_that_cannot_be_sent_is_said_why(
    open_as: Open, tmp_path: Path
) -> None:
    page = await open_as("tilda", "/chat/tilda/")
    folder, empty, vanishing = tmp_path / "Holiday", tmp_path / "empty.txt", tmp_path / "gone.txt"
    folder.mkdir()
    empty.touch()
    vanishing.write_text("soon gone")
    note = tmp_path / "note.txt"
    note.write_text("milk")
    await drop_from_disk(page, folder, note)
    await expect(page.get_by_text("“Holiday” is a folder. Choose the files in it")).to_be_visible()
    await expect(page.locator(".tray .file-name")).to_have_text(["note.txt"])
    await drop_from_disk(page, empty)
    await expect(page.get_by_text("empty.txt: The file is empty")).to_be_visible()
    await page.evaluate(HOLD_UPLOADS)
    await drop_from_disk(page, vanishing)
    await expect(page.locator(".tray .file-name")).to_have_text(["note.txt", "gone.txt"])
    vanishing.unlink()
    await page.evaluate("letGo()")
    await expect(page.get_by_text("gone.txt: The file cannot be read.")).to_be_visible()
    await expect(page.locator(".tray .file-name")).to_have_text(["note.txt"])
    await page.get_by_role("button", name="Send").click()
    await has_status(page.locator(".row.own"), "sent")


async def test_f_p10_a_file_goes_up_once_the_server_can_take_it(
    open_as: Open, tmp_path: Path
) -> None:
    page = await open_as("theo", "/chat/theo/")
    asked: asyncio.Queue[Route] = asyncio.Queue()
    await page.route("**/v1/attachments?name=*", asked.put_nowait)
    await give(page, "drop", ".conversation", "list.txt", "milk")
    for status in (429, 503):
        await (await asked.get()).fulfill(status=status, headers={"Retry-After": "1"})
        await expect(page.locator(".tray .facts")).to_have_text(f"The server answered {status}")
    await (await asked.get()).continue_()
    await expect(page.locator(".tray .facts")).to_have_text("4 bytes")
    await page.unroute_all()
    large = tmp_path / "large.txt"
    with large.open("wb") as file:
        file.truncate(101_000_000)
    await page.get_by_label("Files", exact=True).set_input_files(large)
    await expect(page.locator(".toast")).to_contain_text("A file of this kind can have at most")
    await expect(page.locator(".tray .file-name")).to_have_text(["list.txt"])
