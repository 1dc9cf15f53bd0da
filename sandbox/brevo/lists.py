"""Handlers for lists and folders: `/contacts/lists` and `/contacts/folders`."""

from dataclasses import replace

from sandbox.brevo.account import Account
from sandbox.brevo.contacts import page_of
from sandbox.brevo.errors import invalid, missing, not_found
from sandbox.brevo.reading import Paging, flag, number, object_body, text, whole_number
from sandbox.brevo.store import Contact, ContactList, Store
from sandbox.brevo.values import clean_email
from sandbox.messages import JsonObject, JsonValue, Request, Response, json_response
from sandbox.routing import Params
from sandbox.values import utc_text

_MOST_IDENTIFIERS = 150  # per add or remove call: reference pages of both


def list_lists(account: Account, request: Request, params: Params) -> Response:
    """`GET /contacts/lists`: 10 a page, at most 50."""
    paging = Paging(request.query(), default=10, most=50)
    everything = list(account.store.lists.values())
    page: list[JsonValue] = [_shown(one) for one in paging.cut(everything)]
    return json_response(200, {"lists": page, "count": len(everything)})


def create_list(account: Account, request: Request, params: Params) -> Response:
    """`POST /contacts/lists`: a name and an existing folder are needed. Two lists may share a name here."""
    body = object_body(request)
    name = text(body, "name")
    if name is None:
        raise missing("name is missing")
    if body.get("folderId") is None:
        raise missing("folderId is missing")
    folder_id = whole_number(body["folderId"], "folderId")
    if folder_id not in account.store.folders:
        raise not_found("Folder ID does not exist")
    store = account.store
    new_id = max(store.lists, default=1) + 1
    store.lists[new_id] = ContactList(new_id, name, folder_id, store.now())
    return json_response(201, {"id": new_id})


def read_list(account: Account, request: Request, params: Params) -> Response:
    """`GET /contacts/lists/{listId}`."""
    found = _find_list(account.store, params["list_id"])
    details: JsonObject = {"createdAt": utc_text(found.created_at), "dynamicList": False, "campaignStats": []}
    return json_response(200, {**_shown(found), **details})


def list_contacts_of(account: Account, request: Request, params: Params) -> Response:
    """`GET /contacts/lists/{listId}/contacts`: 50 a page, at most 500."""
    members = _find_list(account.store, params["list_id"]).members
    query = request.query()
    contacts = [account.store.contacts[contact_id] for contact_id in members]
    return page_of(contacts, query, Paging(query, default=50, most=500))


def add_contacts(account: Account, request: Request, params: Params) -> Response:
    """`POST /contacts/lists/{listId}/contacts/add`: 201 with two arrays; 400 when none could be added."""
    store = account.store
    target = _find_list(store, params["list_id"])
    success: list[JsonValue] = []
    failure: list[JsonValue] = []
    for entry, contact in _named_contacts(store, object_body(request)):
        if contact is None or contact.id in target.members:
            failure.append(entry)
        else:
            _join(store, contact, target)
            success.append(entry)
    if not success:
        raise invalid("The contacts are already in the list or do not exist")
    return json_response(201, {"contacts": {"success": success, "failure": failure}})


def remove_contacts(account: Account, request: Request, params: Params) -> Response:
    """`POST /contacts/lists/{listId}/contacts/remove`: as add; `{"all": true}` empties the list."""
    store = account.store
    target = _find_list(store, params["list_id"])
    body = object_body(request)
    if flag(body, "all"):
        everybody = [store.contacts[contact_id] for contact_id in target.members]
        for contact in everybody:
            _leave(store, contact, target)
        return json_response(201, {"contacts": {"processId": 1, "total": len(everybody)}})
    success: list[JsonValue] = []
    failure: list[JsonValue] = []
    for entry, named in _named_contacts(store, body):
        if named is None or named.id not in target.members:
            failure.append(entry)
        else:
            _leave(store, named, target)
            success.append(entry)
    if not success:
        raise invalid("The contacts are not in the list or do not exist")
    return json_response(201, {"contacts": {"success": success, "failure": failure}})


def list_folders(account: Account, request: Request, params: Params) -> Response:
    """`GET /contacts/folders`: 10 a page, at most 50."""
    store = account.store
    paging = Paging(request.query(), default=10, most=50)
    page: list[JsonValue] = []
    for folder_id, name in paging.cut(list(store.folders.items())):
        members: set[int] = set()
        for one in store.lists.values():
            if one.folder_id == folder_id:
                members.update(one.members)
        page.append({"id": folder_id, "name": name, **_figures(len(members))})
    return json_response(200, {"folders": page, "count": len(store.folders)})


def create_folder(account: Account, request: Request, params: Params) -> Response:
    """`POST /contacts/folders`."""
    name = text(object_body(request), "name")
    if name is None:
        raise missing("name is missing")
    new_id = max(account.store.folders, default=0) + 1
    account.store.folders[new_id] = name
    return json_response(201, {"id": new_id})


def _find_list(store: Store, text_id: str) -> ContactList:
    found = store.lists.get(number(text_id, "The list id must be a number"))
    if found is None:
        raise not_found("List ID does not exist")
    return found


def _figures(members: int) -> JsonObject:
    """The three counts. Brevo is phasing the last two out and answers 0; a client must not rely on them."""
    return {"uniqueSubscribers": members, "totalSubscribers": 0, "totalBlacklisted": 0}


def _shown(one: ContactList) -> JsonObject:
    return {"id": one.id, "name": one.name, "folderId": one.folder_id, **_figures(len(one.members))}


def _named_contacts(store: Store, body: JsonObject) -> list[tuple[JsonValue, Contact | None]]:
    """What the body names, each with the contact it means: 1 to 150 `emails`, `ids` or `extIds`."""
    present = [name for name in ("emails", "ids", "extIds") if body.get(name) is not None]
    if len(present) != 1:
        raise invalid("Send exactly one of emails, ids and extIds")
    kind = present[0]
    entries = body[kind]
    if not isinstance(entries, list) or not 1 <= len(entries) <= _MOST_IDENTIFIERS:
        raise invalid(f"{kind} must be an array of 1 to {_MOST_IDENTIFIERS} entries")
    return [(entry, _named(store, kind, entry)) for entry in entries]


def _named(store: Store, kind: str, entry: JsonValue) -> Contact | None:
    if kind == "ids":
        return store.contacts.get(whole_number(entry, "ids"))
    if kind == "emails":
        return store.owner("email", clean_email(entry))
    if not isinstance(entry, str):
        raise invalid("extIds must hold text")
    return store.owner("ext_id", entry)


def _join(store: Store, contact: Contact, target: ContactList) -> None:
    store.put(replace(contact, list_ids=(*contact.list_ids, target.id), modified_at=store.now()))


def _leave(store: Store, contact: Contact, target: ContactList) -> None:
    rest = tuple(list_id for list_id in contact.list_ids if list_id != target.id)
    store.put(replace(contact, list_ids=rest, modified_at=store.now()))
