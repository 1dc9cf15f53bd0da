"""The vendor's own SDK as an outside client: its typed models must be able to read our answers."""

import pytest

brevo_sdk = pytest.importorskip("brevo", reason="brevo-python, a test-only dependency, is not installed")


@pytest.fixture
def sdk(sandbox):
    import httpx

    with httpx.Client(timeout=5) as http:
        yield brevo_sdk.Brevo(api_key="sandbox-brevo-key", base_url=sandbox.brevo_url, httpx_client=http)


def test_create_upsert_read(sdk):
    created = sdk.contacts.create_contact(email="a@acme.example", attributes={"FIRSTNAME": "Ada"}, list_ids=[2])
    assert created.id == 1
    sdk.contacts.create_contact(email="a@acme.example", attributes={"LASTNAME": "L"}, update_enabled=True)
    contact = sdk.contacts.get_contact_info(identifier="a@acme.example", identifier_type="email_id")
    assert (contact.id, contact.email, contact.list_ids) == (1, "a@acme.example", [2])
    assert contact.email_blacklisted is False
    assert contact.whatsapp_blacklisted is False
    assert contact.modified_at >= contact.created_at
    page = sdk.contacts.get_contacts(limit=10)
    assert (page.count, page.contacts[0].email) == (1, "a@acme.example")


def test_update_and_delete(sdk):
    sdk.contacts.create_contact(email="a+x@acme.example")
    sdk.contacts.update_contact(identifier="a+x@acme.example", attributes={"FIRSTNAME": "B"}, email_blacklisted=True)
    assert sdk.contacts.get_contact_info(identifier="a+x@acme.example").email_blacklisted is True
    sdk.contacts.delete_contact(identifier="a+x@acme.example")
    with pytest.raises(brevo_sdk.NotFoundError) as caught:
        sdk.contacts.get_contact_info(identifier="a+x@acme.example")
    assert caught.value.body["code"] == "document_not_found"


def test_attributes(sdk):
    sdk.contacts.create_attribute(attribute_category="normal", attribute_name="COMPANY", type="text")
    found = {one.name: one.type for one in sdk.contacts.get_attributes().attributes}
    assert found["COMPANY"] == "text"
    with pytest.raises(brevo_sdk.BadRequestError):
        sdk.contacts.create_attribute(attribute_category="normal", attribute_name="COMPANY", type="text")


def test_lists_and_folders(sdk):
    folder = sdk.contacts.create_folder(name="Events")
    made = sdk.contacts.create_list(name="Spring", folder_id=folder.id)
    assert sdk.contacts.get_list(list_id=made.id).folder_id == folder.id
    assert {one.name for one in sdk.contacts.get_lists().lists} == {"ScraperSky demo", "Spring"}
    assert sdk.contacts.get_folders().count == 2
    sdk.contacts.create_contact(email="a@acme.example")
    moved = sdk.contacts.add_contact_to_list(list_id=made.id, request={"emails": ["a@acme.example"]})
    assert moved.contacts.success == ["a@acme.example"]
    assert sdk.contacts.get_contacts_from_list(list_id=made.id).count == 1
    moved = sdk.contacts.remove_contact_from_list(list_id=made.id, request={"ids": [1]})
    assert moved.contacts.success == [1]


def test_account(sdk):
    account = sdk.account.get_account()
    assert account.company_name == "ScraperSky Sandbox"
    assert account.plan[0].type == "free"


def test_duplicates_and_wrong_keys(sdk, sandbox):
    sdk.contacts.create_contact(email="a@acme.example")
    with pytest.raises(brevo_sdk.BadRequestError) as caught:
        sdk.contacts.create_contact(email="a@acme.example")
    assert caught.value.body["code"] == "duplicate_parameter"
    stranger = brevo_sdk.Brevo(api_key="wrong", base_url=sandbox.brevo_url)
    with pytest.raises(brevo_sdk.core.ApiError) as refused:
        stranger.contacts.get_contacts()
    assert refused.value.status_code == 401
    stranger._client_wrapper.httpx_client.httpx_client.close()
