"""Is the workflow ready for us? What `manage.py n8n_setup` looks at."""

from __future__ import annotations

from collections.abc import Iterator

from curation_sdk.setup import Finding
from n8n_sync import conf
from n8n_sync.client import N8nClient

#: Where workflows report, below our own address.
REPORT_PATH = "/api/v3/webhooks/n8n/enrichment-complete"


def check_workflow(client: N8nClient, config: conf.N8nConfig) -> Iterator[Finding]:
    """Look at the webhook's address, the secret, and whether the workflow is active. Runs nothing in n8n.

    Raises what N8nClient raises when n8n cannot be asked.
    """
    if conf.TEST_PATH in config.webhook_url:
        yield Finding(False, conf.TEST_ADDRESS)
    said = client.probe()
    if "POST" in said and "registered for PATCH" in said:
        yield Finding(True, "The workflow is active and takes POST.")
    else:
        yield Finding(
            False,
            "n8n does not say that a workflow takes POST at N8N_WEBHOOK_URL. Activate it, and check the path."
            + (f' It said: "{said}"' if said else ""),
        )
    if config.secret:
        yield Finding(True, "A secret is set. The webhook's Header Auth must ask for it: Authorization, Bearer …")
    else:
        yield Finding(
            False,
            "N8N_WEBHOOK_SECRET is empty: whoever knows the address can call the webhook, and reports are refused.",
        )
    if config.deadline is None:
        yield Finding(True, "Accepted means Complete. N8N_EXPECT_CALLBACK=true waits for the workflow's report.")
    else:
        minutes = round(config.deadline.total_seconds() / 60)
        yield Finding(True, f"The report is waited for {minutes} minutes, at {REPORT_PATH} of this site.")
