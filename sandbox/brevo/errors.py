"""Brevo's error bodies: `{"code", "message"}`, on contact errors also `metadata`.

See https://developers.brevo.com/docs/how-it-works ("Error codes"). Of these only `message` is always there.
"""

from sandbox.messages import JsonObject, Response, json_response


class BrevoError(Exception):
    """An answer that is not a success. Raised by handlers before anything has been changed."""

    def __init__(self, status: int, code: str, message: str, duplicates: list[str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.duplicates = duplicates

    def response(self) -> Response:
        """The error as an answer."""
        body: JsonObject = {"code": self.code, "message": self.message}
        if self.duplicates:
            body["metadata"] = {"duplicate_identifiers": [*self.duplicates]}
        return json_response(self.status, body)


def invalid(message: str) -> BrevoError:
    """400: a value that Brevo does not take."""
    return BrevoError(400, "invalid_parameter", message)


def missing(message: str) -> BrevoError:
    """400: something that had to be there."""
    return BrevoError(400, "missing_parameter", message)


def out_of_range(message: str) -> BrevoError:
    """400: a page size or an offset outside the documented bounds."""
    return BrevoError(400, "out_of_range", message)


def not_found(message: str) -> BrevoError:
    """404: no such contact, list or folder."""
    return BrevoError(404, "document_not_found", message)
