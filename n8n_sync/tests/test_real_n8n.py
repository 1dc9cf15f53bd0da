"""The shipped workflows in a real n8n, against this project: contact in, enrichment back; fetch and report.

Opt-in: `bin/test n8n_sync -m n8n` with N8N_BIN set. docs/n8n.md says how to install one.
"""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from n8n_sync.tests.real_n8n import SECRET, running_n8n, workflow
from scrapersky.tests.processes import QUEUE_ALL, ScratchDatabase, read_and_kill, scratch_database, wait_until
from scrapersky.tests.servers import free_port

PROGRAM = os.environ.get("N8N_BIN", "")

pytestmark = [
    pytest.mark.n8n,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not PROGRAM, reason="N8N_BIN names no installed n8n"),
]


@dataclass(frozen=True)
class Site:
    """This project with a web server, beside a running n8n."""

    database: ScratchDatabase
    environment: dict[str, str]
    n8n: str
    hook: str

    def manage(self, *arguments: str, **changes: str) -> str:
        return self.database.manage(*arguments, **{**self.environment, **changes}).stdout

    def statuses(self, platform: str) -> Counter[str]:
        return Counter(dict(self.database.query(f"SELECT {platform}_sync_status, count(*) FROM contacts GROUP BY 1")))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"

    def often(nodes: dict[str, Any]) -> None:
        """Fetch for another platform, every few seconds."""
        nodes["Every 5 minutes"]["parameters"]["rule"]["interval"] = [{"field": "seconds", "secondsInterval": 3}]
        fetch = nodes["Fetch"]["parameters"]
        fetch["url"] = fetch["url"].replace("platform=n8n", "platform=brevo")

    workflows = [workflow("enrich-and-report", address), workflow("fetch-and-report", address, often)]
    with scratch_database(tmp_path) as database, running_n8n(PROGRAM, tmp_path, workflows) as n8n:
        database.manage("migrate", "--verbosity", "0")
        hook = f"{n8n}/webhook/scrapersky-contact"
        environment = {
            "N8N_WEBHOOK_URL": hook,
            "N8N_WEBHOOK_SECRET": SECRET,
            "N8N_EXPECT_CALLBACK": "true",
            "SYNC_PULLED_PLATFORMS": "brevo",
        }
        web = database.start_web(port, log=tmp_path / "web.log", **environment)
        try:
            yield Site(database, environment, n8n, hook)
        finally:
            read_and_kill(web)


def test_both_workflows(site: Site) -> None:
    for number in range(20):
        key = uuid.uuid5(uuid.NAMESPACE_URL, str(number)).hex
        site.database.query(
            "INSERT INTO contacts (id, email, name) "
            f"VALUES ('{key}', 'p{number}@acme{number}.example', 'A \"Q\" O''Hara')"
        )
    assert "The workflow is active and takes POST." in site.manage("n8n_setup")

    # Out, and back enriched.
    assert "20 waiting for an answer." in site.manage("n8n_sync", "--queue-all-new")
    wait_until(lambda: site.statuses("n8n") == {"Complete": 20}, "every contact's report", 60)
    found = site.database.query("SELECT answered, company_website FROM n8n_enrichments")
    assert len(found) == 20
    assert all(answered and website.startswith("https://acme") for answered, website in found)
    assert site.database.query("SELECT DISTINCT state FROM n8n_enrichment_events") == [("applied",)]

    # The queue of another platform, for which we have no credentials.
    site.manage("shell", "-c", QUEUE_ALL)
    wait_until(lambda: site.statuses("brevo") == {"Complete": 20}, "every fetched contact's result", 60)
    ids = site.database.query("SELECT count(*) FROM contacts WHERE brevo_contact_id LIKE 'n8n-%'")
    assert ids == [(20,)]

    # A wrong secret is n8n's plain 403, and nobody's error.
    site.manage("shell", "-c", QUEUE_ALL.replace("brevo_sync", "n8n_sync").replace("BREVO", "N8N"))
    with pytest.raises(AssertionError, match=r"n8n refused the secret \(403\): .Authorization data is wrong!."):
        site.manage("n8n_sync", N8N_WEBHOOK_SECRET="another")
    assert site.statuses("n8n") == {"Queued": 20}

    # What docs/n8n.md says of n8n's answers.
    header = {"Authorization": f"Bearer {SECRET}"}
    body = {"contact_id": "x", "email": "a@b.example"}
    accepted = requests.post(site.hook, json=body, headers=header, timeout=10)
    assert (accepted.status_code, list(accepted.json())) == (202, ["execution_id"])
    for method, url in (("PATCH", site.hook), ("POST", f"{site.n8n}/webhook/other")):
        answer = requests.request(method, url, json={}, headers=header, timeout=10)
        assert answer.status_code == 404
        assert "not registered" in answer.json()["message"]
    test_url = site.hook.replace("/webhook/", "/webhook-test/")
    assert requests.post(test_url, json={}, headers=header, timeout=10).status_code == 404
