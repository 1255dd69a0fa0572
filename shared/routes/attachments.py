"""Owns the table of the routes of files."""

from shared import api
from shared.errors import NotFound, RateLimited, TooLarge, Unsupported
from shared.frames import Attachment, Count, FileName
from shared.route import Answer, Parameter, Route

ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/attachments",
        limit="upload",
        summary="Upload a file to attach to a message. The body is the file itself.",
        query=(Parameter("name", FileName, "The name of the file.", required=True),),
        body=api.FileBytes,
        body_media_type="application/octet-stream",
        rule="The media type is detected from the bytes; `Content-Type` is ignored.",
        answers=(
            Answer(
                201,
                Attachment,
                "The file is stored. It is deleted after a day unless a message carries it.",
            ),
        ),
        errors=(TooLarge, Unsupported, RateLimited),
    ),
    Route(
        method="GET",
        path="/v1/attachments",
        summary="Get several attachments with their URLs, which expire within minutes.",
        query=(
            Parameter(
                "ids",
                api.FileIds,
                "The attachments to get. Those that you may not see are left out.",
                required=True,
            ),
        ),
        answers=(Answer(200, api.AttachmentsAnswer, "The attachments with their URLs."),),
    ),
    Route(
        method="GET",
        path="/v1/attachments/{attachment_id}",
        summary="Get an attachment, with URLs that need no token and expire within minutes.",
        answers=(Answer(200, api.AttachmentAnswer, "The attachment with its URLs."),),
        errors=(NotFound,),
    ),
    Route(
        method="GET",
        path="/v1/attachments/{attachment_id}/content",
        limit=None,  # a player asks for many ranges, and the URL was counted
        summary="Download an attachment by its signed URL. `Range` requests are supported.",
        query=(
            Parameter(
                "variant", api.Variant, "The file itself, or a small preview of it.", required=True
            ),
            Parameter("expires", Count, "Part of the signed URL.", required=True),
            Parameter("signature", str, "Part of the signed URL.", required=True),
        ),
        answers=(
            Answer(200, api.FileBytes, "The whole file.", "*/*"),
            Answer(206, api.FileBytes, "The requested range.", "*/*"),
            Answer(416, None, "The range starts after the end of the file."),
        ),
        auth="signature",
        errors=(NotFound,),
    ),
)
