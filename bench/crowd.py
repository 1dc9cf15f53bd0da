"""A crowd of contacts for measurements at size, made by the database itself."""

from __future__ import annotations

from django.db import connection

#: Most are with Brevo, one in a hundred waits, and 200 failed whatever the number, as after some months of use.
_STATUS = """CASE WHEN n % greatest({number} / 200, 2) = 1 THEN 'Error' WHEN n % 100 = 3 THEN 'Queued'
             WHEN n % 97 = 0 THEN 'Skipped' WHEN n % 33 = 1 THEN 'New' ELSE 'Complete' END"""

#: Each value is common, and yet nobody is New in HubSpot and Complete in Mautic, and only twenty contacts, the oldest,
#: are New in HubSpot and Error in Mautic.
_HUBSPOT = "CASE WHEN n % 2 = 0 THEN 'New' ELSE 'Complete' END"
_MAUTIC = "CASE WHEN n <= 40 OR n % 6 = 3 THEN 'Error' WHEN n % 6 = 1 THEN 'Complete' ELSE 'New' END"

_DOMAINS = """
INSERT INTO domains (id, domain)
SELECT gen_random_uuid(), lpad(to_hex(n * 2654435761 % 4294967296), 8, '0')
    || (ARRAY['-bau', '-shop', 'tech', '-law', 'media', 'food'])[1 + n % 6]
    || (ARRAY['.com', '.de', '.example', '.org', '.net'])[1 + n % 5]
FROM generate_series(1::bigint, {number}) n
"""

_CONTACTS = """
INSERT INTO contacts (id, email, email_type, has_gmail, name, phone_number, context, source_url, domain_id,
    created_at, updated_at, contact_curation_status, brevo_sync_status, brevo_processing_status,
    brevo_processing_error, brevo_error_cause, brevo_contact_id, brevo_next_attempt_at, brevo_synced_at,
    hubspot_sync_status, mautic_sync_status)
SELECT gen_random_uuid(),
    CASE WHEN n % 97 <> 0 THEN
        (ARRAY['info', 'office', 'sales', 'anna', 'john', 'maria', 'peter', 'hr', 'kontakt'])[1 + n % 9]
        || CASE WHEN n % 3 = 0 THEN '.' || to_hex(n) ELSE '' END || '@' || d.domain END,
    (ARRAY['SERVICE', 'SERVICE', 'CORPORATE', 'CORPORATE', 'CORPORATE', 'FREE'])[1 + n % 6], n % 20 = 0,
    (ARRAY['Anna', 'John', 'Maria', 'Peter', 'Chloe', 'Igor', 'Zoe', 'Ali'])[1 + n % 8] || ' '
        || (ARRAY['Smith', 'Miller', 'Garcia', 'Rossi', 'Novak', 'Silva'])[1 + n % 6] || initcap(to_hex(n / 50)),
    '+1 212 555 ' || lpad((n % 10000)::text, 4, '0'), 'Write to us or call, number ' || n,
    'https://' || d.domain || '/contact', d.id,
    now() - ({number} - n) * interval '20 seconds', now() - ({number} - n) * interval '20 seconds',
    CASE WHEN n % greatest({number} / 200, 2) = 0 THEN 'Error' WHEN n % 10 < 7 THEN 'Complete' ELSE 'New' END,
    status, nullif(nullif(status, 'New'), 'Skipped'),
    reason, reason,
    CASE status WHEN 'Complete' THEN n::text END,
    CASE status WHEN 'Queued' THEN now() - ({number} - n) * interval '1 millisecond' END,
    CASE status WHEN 'Complete' THEN now() END,
    {hubspot}, {mautic}
FROM (SELECT n, {status} AS status FROM generate_series(1::bigint, {number}) n) AS made
CROSS JOIN LATERAL (SELECT CASE status WHEN 'Error' THEN 'Brevo refused it (400): "Invalid phone number".'
    WHEN 'Skipped' THEN 'There is no e-mail address. Add one, then queue the contact again.' END AS reason) AS said
JOIN (SELECT row_number() OVER () AS place, id, domain FROM domains) AS d
    ON d.place = 1 + n % (SELECT count(*) FROM domains)
"""


#: One person in thirty has opted out, and an event said so.
_SUPPRESSIONS = """
INSERT INTO suppressions (id, email_key, reason, source, since, recorded_at)
SELECT gen_random_uuid(), email_key, 'unsubscribed', 'Mautic', created_at, created_at FROM contacts
WHERE email_key > '' AND (substr(id::text, 1, 2) < '08') ON CONFLICT DO NOTHING
"""

_EVENTS = """
INSERT INTO platform_events
    (platform, key, event, email_key, body, received_at, worked_at, state, tries, result, problem)
SELECT 'brevo', id::text, 'unsubscribed', email_key, '{{}}', created_at, created_at, 'applied', 1, '', '' FROM contacts
WHERE email_key > '' AND (substr(id::text, 1, 2) < '08')
"""


def make_contacts(number: int, *, schema: str = "public", platforms: bool = False) -> None:
    """So many contacts, five to a domain. PostgreSQL only.

    With a schema, in tables of its own there that have the indexes of the real ones: `search_path` chooses between
    several crowds. With `platforms`, HubSpot and Mautic are in use as well as Brevo.
    """
    with connection.cursor() as cursor:
        if schema != "public":
            cursor.execute(f"CREATE SCHEMA {schema}")
            for table in ("domains", "contacts", "suppressions", "platform_events"):
                cursor.execute(f"CREATE TABLE {schema}.{table} (LIKE public.{table} INCLUDING ALL)")
        cursor.execute(f"SET search_path = {schema}, public")
        cursor.execute(_DOMAINS.format(number=number // 5))
        others = {"hubspot": _HUBSPOT, "mautic": _MAUTIC} if platforms else {"hubspot": "'New'", "mautic": "'New'"}
        cursor.execute(_CONTACTS.format(number=number, status=_STATUS.format(number=number), **others))
        cursor.execute(_SUPPRESSIONS)
        cursor.execute(_EVENTS.format())
        cursor.execute("VACUUM ANALYZE contacts, domains, suppressions, platform_events")
