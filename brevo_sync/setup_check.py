"""Is the Brevo account ready for us? What `manage.py brevo_setup` asks and makes."""

from __future__ import annotations

from collections.abc import Iterator

from brevo_sync.client import BrevoClient, BrevoError, Kind
from brevo_sync.conf import ATTRIBUTE_TYPES, BrevoConfig
from curation_sdk.setup import Finding

LIST_NAME = "ScraperSky"


def check_account(
    client: BrevoClient, config: BrevoConfig, *, create: bool, create_list: bool | None = None
) -> Iterator[Finding]:
    """Look at key, list and attributes, in this order; with `create`, make what is missing.

    create_list: make a list, too, when none is set; as `create` where nothing is said.

    Raises what BrevoClient raises when the account cannot be asked: StopRun for a wrong key.
    """
    account = client.get_account()
    owner = account.get("companyName") or account.get("email") or "an account without a name"
    yield Finding(True, f"The key works: {owner}.")
    yield from _list(client, config, create=create if create_list is None else create_list)
    yield from _attributes(client, config, create=create)


def _list(client: BrevoClient, config: BrevoConfig, *, create: bool) -> Iterator[Finding]:
    if config.list_id is not None:
        try:
            found = client.get_list(config.list_id)
            yield Finding(True, f'Contacts go to list {config.list_id}, "{found.get("name")}".')
        except BrevoError as error:
            if error.kind not in (Kind.NOT_FOUND, Kind.LIST):
                raise
            yield Finding(
                False, f"There is no list {config.list_id}. BREVO_LIST_ID has to be one of these: {_lists(client)}"
            )
        return
    ours = next((entry for entry in client.get_lists() if entry.get("name") == LIST_NAME), None)
    if ours is None and create:
        number = client.create_list(LIST_NAME)
        yield Finding(True, f'Made the list "{LIST_NAME}". Set BREVO_LIST_ID={number} to use it.', made=True)
    elif ours is not None:
        yield Finding(True, f'No list is set. Set BREVO_LIST_ID={ours.get("id")} to use the list "{LIST_NAME}".')
    else:
        yield Finding(True, f"No list is set: contacts are made without one. BREVO_LIST_ID chooses: {_lists(client)}")


def _lists(client: BrevoClient) -> str:
    lists = [f'{entry.get("id")} "{entry.get("name")}"' for entry in client.get_lists()]
    return ", ".join(lists) or "the account has none."


def _attributes(client: BrevoClient, config: BrevoConfig, *, create: bool) -> Iterator[Finding]:
    there = client.get_attributes()
    for ours, theirs in config.attributes.items():
        wanted, found = ATTRIBUTE_TYPES[ours], there.get(theirs)
        if found is None and create:
            client.create_attribute(theirs, wanted)
            yield Finding(True, f"Made the attribute {theirs} ({wanted}).", made=True, about=ours)
        elif found is None:
            yield Finding(
                False,
                f"The attribute {theirs} ({wanted}) is missing: Brevo drops what we send for it.",
                can_make=True,
                about=ours,
            )
        elif found != wanted:
            yield Finding(
                False,
                f"The attribute {theirs} is of type {found}, not {wanted}: Brevo drops what we send for it. "
                f"Delete it in Brevo, or name another one: BREVO_ATTRIBUTES={ours}=OTHER_NAME.",
                about=ours,
            )
        else:
            yield Finding(True, f"The attribute {theirs} ({wanted}) is there.", about=ours)
