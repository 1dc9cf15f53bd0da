"""Handler for `GET /account`, which clients use to check their key. The company is invented."""

from sandbox.brevo.account import Account
from sandbox.messages import JsonObject, Request, Response, json_response
from sandbox.routing import Params

_PROFILE: JsonObject = {
    "organization_id": "5a6b7c8d9e0f1a2b3c4d5e6f",
    "user_id": 1,
    "enterprise": False,
    "companyName": "ScraperSky Sandbox",
    "email": "owner@sandbox.example",
    "firstName": "Sandy",
    "lastName": "Box",
    "address": {"street": "1 Test Lane", "city": "Exampleton", "zipCode": "00000", "country": "France"},
    "dateTimePreferences": {"timezone": "Europe/Paris", "timeFormat": "24", "dateFormat": "dd-mm-yyyy"},
    "plan": [{"type": "free", "credits": 300, "creditsType": "sendLimit"}],
    "planVerticals": [],
    "relay": {
        "enabled": False,
        "data": {"userName": "owner@sandbox.example", "relay": "smtp.sandbox.example", "port": 587},
    },
    "marketingAutomation": {"enabled": False},
}


def read_account(account: Account, request: Request, params: Params) -> Response:
    """`GET /account`: who the account belongs to and its plan. Costs one of the 100 calls an hour."""
    return json_response(200, _PROFILE)
