"""Mautic's error bodies: `{"errors": [{"code", "message", "details", "type"}]}`; some versions leave `type` out.

See `app/bundles/ApiBundle/Controller/CommonApiController.php` (`returnError`) in Mautic's source.
"""

from sandbox.messages import JsonObject, Response, json_response

GENERIC = (
    "Looks like I encountered an error (error #500). If I do it again, please report me to the system administrator!"
)


class MauticError(Exception):
    """An answer that is not a success. `details` maps a field's alias to its last message."""

    def __init__(
        self, status: int, message: str, details: dict[str, str] | None = None, kind: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details or {}
        self.kind = kind

    def item(self, *, with_type: bool = True) -> JsonObject:
        """The error as it stands in `errors`. PHP writes an empty map as a list."""
        details: JsonObject = {alias: [text] for alias, text in self.details.items()}
        item: JsonObject = {"code": self.status, "message": self.message, "details": details or []}
        if with_type:
            item["type"] = self.kind
        return item

    def response(self, *, with_type: bool = True) -> Response:
        """The error as an answer of its own."""
        return json_response(self.status, {"errors": [self.item(with_type=with_type)]})


def not_found() -> MauticError:
    """404: no such contact, segment or path."""
    return MauticError(404, "Item was not found.")


def forbidden(
    kind: str | None = None, message: str = "You do not have access to the requested area/action."
) -> MauticError:
    """403: a switch or a permission. The type tells which switch; a missing permission has none."""
    return MauticError(403, message, kind=kind)


def invalid(details: dict[str, str]) -> MauticError:
    """400 of Mautic's contact form: every field with its message."""
    message = " ".join(f"{alias}: {text}" for alias, text in details.items())
    return MauticError(400, message, details)
