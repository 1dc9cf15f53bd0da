"""The tables of this room."""

from contacts.models.basis import BasisChange
from contacts.models.contact import Contact, CurationStatus, Domain, EmailType, LawfulBasis, Page
from contacts.models.imports import ContactImport, ContactImportPart, RefusedRow
from contacts.models.suppression import Suppression
from contacts.models.views import DefaultView

__all__ = [
    "BasisChange",
    "Contact",
    "ContactImport",
    "ContactImportPart",
    "CurationStatus",
    "DefaultView",
    "Domain",
    "EmailType",
    "LawfulBasis",
    "Page",
    "RefusedRow",
    "Suppression",
]
