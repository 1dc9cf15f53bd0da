"""The API's addresses end without a slash; one is tolerated."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter


class OptionalSlashRouter(SimpleRouter):
    """A router whose paths match with and without a slash at the end, and are written without."""

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"
