"""What the API's description says besides what its generator finds."""

from __future__ import annotations

from typing import Any

from brevo_sync.receiving import OPERATION as BREVO_OPERATION
from brevo_sync.receiving import PATH as BREVO_PATH
from mautic_sync.receiving import OPERATION as MAUTIC_OPERATION
from mautic_sync.receiving import PATH as MAUTIC_PATH


def with_webhooks(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """For the schema: the platforms' webhooks, which are no views of the API's."""
    for path, operation in ((BREVO_PATH, BREVO_OPERATION), (MAUTIC_PATH, MAUTIC_OPERATION)):
        result["paths"][path] = {"post": operation}
    return result
