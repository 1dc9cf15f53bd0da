"""What the account says of itself: `/account-info/…/details`.

See https://developers.hubspot.com/docs/api-reference/latest/account/account-information/get-account-details.
"""

from __future__ import annotations

from sandbox.hubspot.account import PORTAL, READ_ACCOUNT, Account
from sandbox.messages import Request, Response, json_response
from sandbox.routing import Params


def read_details(account: Account, request: Request, params: Params) -> Response:
    """`GET /account-info/…/details`. The account's site is the sandbox itself, where links to contacts work."""
    account.require(READ_ACCOUNT)
    return json_response(
        200,
        {
            "portalId": PORTAL,
            "accountType": "DEVELOPER_TEST",
            "timeZone": "Europe/Berlin",
            "companyCurrency": "EUR",
            "additionalCurrencies": [],
            "utcOffset": "+01:00",
            "utcOffsetMilliseconds": 3_600_000,
            "uiDomain": request.headers.get("host", "127.0.0.1"),
            "dataHostingLocation": "eu1",
        },
    )
