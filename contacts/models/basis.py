"""Who recorded a lawful basis with many contacts at once."""

from __future__ import annotations

from django.db import models

from contacts.models.contact import LawfulBasis


class BasisChange(models.Model):
    """One operation: who recorded which basis, when, through what, and with how many contacts. Rows are only added."""

    class Through(models.TextChoices):
        ADMIN = "admin", "Admin"
        API = "api", "API"

    id = models.BigAutoField(primary_key=True)
    # The choice of contacts in the admin, which is worked through in several steps, a transaction each.
    operation = models.UUIDField(null=True, blank=True, editable=False)
    changed_at = models.DateTimeField("when")
    changed_by = models.CharField("who", max_length=150)  # by name, which outlives the account
    through = models.CharField(max_length=10, choices=Through)
    lawful_basis = models.CharField(max_length=20, choices=LawfulBasis)
    source = models.CharField("source of the lawful basis", max_length=500)
    date = models.DateField("date of the lawful basis")
    contacts = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "basis_changes"
        ordering = ["-id"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["operation", "lawful_basis", "source", "date"],
                condition=models.Q(operation__isnull=False),
                name="basis_changes_once_each",
            )
        ]
        indexes = [models.Index(fields=["lawful_basis", "date", "-id"], name="basis_changes_of_basis")]

    def __str__(self) -> str:
        return f"{self.get_lawful_basis_display()}, {self.changed_at:%Y-%m-%d %H:%M}"
