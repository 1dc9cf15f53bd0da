"""Could django-import-export carry 100,000 rows? Its preview (a dry run) and its import, as fast as its manual tells.

    .venv/bin/pip install django-import-export==4.4.3
    python -m bench.import_library [--rows 100000]

In bulk, without differences, with related rows made and kept beforehand. Rows get the ids of our own import, so that a
file can be imported twice. The project does not use the library; take it out of `.venv` again afterwards.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.importing import COLUMNS, write_file
from bench.report import show
from bench.scratch import scratch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="rows in the file (%(default)s)", metavar="N")
    options = parser.parse_args()
    with scratch(DEBUG="false"), tempfile.TemporaryDirectory() as folder:
        import tablib

        text = write_file(Path(folder) / "contacts.csv", options.rows).read_text()
        dataset = tablib.Dataset().load(text, format="csv")
        dataset.insert_col(0, [""] * len(dataset), header="id")
        steps = [_step(name, dataset, dry_run=dry_run) for name, dry_run in (("preview", True), ("import", False))]
        from contacts.models import Contact

        assert Contact.objects.count() == options.rows
    show(f"{options.rows:,} rows", ("step", "seconds", "of the processor", "megabytes so far"), steps)


def _step(name: str, dataset: Any, *, dry_run: bool) -> tuple[str, float, float, float]:
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    result = _library_resource()().import_data(dataset, dry_run=dry_run, raise_errors=True)
    assert result.totals["new"] == len(dataset)
    after = resource.getrusage(resource.RUSAGE_SELF)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return name, time.monotonic() - begun, busy, after.ru_maxrss / 1024


def _library_resource() -> Any:
    from import_export import fields, resources, widgets

    from contacts.importing.rows import Row
    from contacts.models import Contact, Domain, Page

    known: dict[str, dict[str, Any]] = {"domain": {}, "page": {}}

    class Known(widgets.Widget):  # type: ignore[misc]
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def clean(self, value: Any, row: Any = None, **_: Any) -> Any:
            return known[self.name].get(value)

    class Contacts(resources.ModelResource):  # type: ignore[misc]
        id = fields.Field("id", "id", widgets.Widget())
        domain = fields.Field("domain", "domain", Known("domain"))
        page_url = fields.Field("page", "page_url", Known("page"))

        class Meta:
            model = Contact
            fields = ("id", *COLUMNS)
            import_id_fields = ("id",)
            use_bulk = True
            batch_size = 1000
            skip_diff = True
            report_skipped = False

        def before_import(self, dataset: Any, **_: Any) -> None:
            names = sorted(set(dataset["domain"]))
            Domain.objects.bulk_create([Domain(domain=name) for name in names], ignore_conflicts=True, batch_size=500)
            known["domain"] = {domain.domain: domain for domain in Domain.objects.all()}
            urls = dict(zip(dataset["page_url"], dataset["domain"], strict=True))
            pages = [Page(url=url, domain=known["domain"][name]) for url, name in urls.items()]
            Page.objects.bulk_create(pages, ignore_conflicts=True, batch_size=500)
            known["page"] = {page.url: page for page in Page.objects.all()}

        def before_import_row(self, row: Any, **_: Any) -> None:
            row["id"] = Row(**{column: row[column] for column in COLUMNS}).contact_id()

    return Contacts


if __name__ == "__main__":
    main()
