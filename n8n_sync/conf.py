"""n8n's settings, read and checked in one place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings

from curation_sdk import platform_settings
from curation_sdk.job import SyncPolicy

#: Where n8n listens for one call after a click in its editor, and never else.
#: Source: https://docs.n8n.io/integrations/builtin/core-nodes/n8n-nodes-base.webhook/ (test and production URL)
TEST_PATH = "/webhook-test/"

TEST_ADDRESS = (
    "N8N_WEBHOOK_URL is a test address: it takes one call after a click on the canvas, and none else. "
    "Use the production URL, with /webhook/."
)

#: A path as long as this is no word; from the other length on it is none if it has more than letters.
LONG_WORD, SHORT_WORD = 16, 8


@dataclass(frozen=True, slots=True)
class N8nConfig:
    """One workflow and how we use it. `deadline`: how long its report is waited for; None: it makes none."""

    webhook_url: str = field(repr=False)
    secret: str = field(repr=False)
    deadline: timedelta | None
    rate_per_second: float
    concurrency: int


def off_reason() -> str:
    """Why nothing is pushed to n8n, naming the setting to change; "" when it is on."""
    if not settings.N8N_WEBHOOK_URL:
        return "n8n is switched off: N8N_WEBHOOK_URL is not set."
    fault = settings_fault()
    return f"n8n is switched off: {fault}" if fault else ""


def settings_fault() -> str:
    """The first setting that cannot be meant, as a sentence that says what to write instead; "" when all is well."""
    if settings.N8N_WEBHOOK_URL:
        example = "https://n8n.example.com/webhook/scrapersky-contact"
        if fault := platform_settings.address_fault("N8N_WEBHOOK_URL", example):
            return fault
    if fault := platform_settings.secret_fault("N8N_WEBHOOK_SECRET"):
        return fault
    if settings.N8N_EXPECT_CALLBACK and not settings.N8N_WEBHOOK_SECRET:
        return "N8N_EXPECT_CALLBACK needs N8N_WEBHOOK_SECRET: without one n8n's reports are refused."
    return platform_settings.numbers_fault("N8N", [("CALLBACK_DEADLINE_MINUTES", 1, 1_440)])


def load() -> N8nConfig:
    """The settings as they are now. Call it only when `off_reason()` is empty."""
    return N8nConfig(
        webhook_url=settings.N8N_WEBHOOK_URL,
        secret=settings.N8N_WEBHOOK_SECRET,
        deadline=deadline() if settings.N8N_EXPECT_CALLBACK else None,
        rate_per_second=settings.N8N_RATE_LIMIT_PER_SECOND,
        concurrency=platform_settings.concurrency("N8N"),
    )


def secret_forms(webhook_url: str) -> set[str]:
    """How an answer may name the webhook, whose path may be as good as a key. n8n's own say `"POST the-path"`.

    The path alone counts where it can hardly be a word of a sentence.
    """
    path = urlsplit(webhook_url).path.strip("/")
    parts = path.split("/") if path else []
    ends = ["/".join(parts[number:]) for number in range(len(parts))]
    named = {form for end in ends for form in (f'"{end}"', f'"POST {end}"', f'"PATCH {end}"')}
    alone = {end for end in ends if len(end) >= LONG_WORD or (len(end) >= SHORT_WORD and not end.isalpha())}
    return {webhook_url, *named, *alone}


def deadline() -> timedelta:
    """How long n8n has to report what became of a contact."""
    return timedelta(minutes=settings.N8N_CALLBACK_DEADLINE_MINUTES)


def policy() -> SyncPolicy:
    """How n8n's runs go."""
    return replace(platform_settings.policy("N8N"), answer_within=deadline())
