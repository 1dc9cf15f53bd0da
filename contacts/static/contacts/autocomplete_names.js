// An empty autocomplete field of Django's has no accessible name: select2 names it by what is chosen in it, and draws
// that as a text box without a name of its own (axe: aria-input-field-name; seen on 2026-11-26 with Django 5.2 and its
// select2 4.0.13). So both get the field's label; the field is then read as "Domain: acme.example".
"use strict";
django.jQuery(() => {
    for (const select of document.querySelectorAll("select.admin-autocomplete")) {
        const label = document.querySelector(`label[for="${select.id}"]`);
        const field = select.nextElementSibling?.querySelector(".select2-selection");
        const chosen = field?.querySelector(".select2-selection__rendered");
        if (!label || !chosen) continue;
        label.id ||= `${select.id}_label`;
        chosen.setAttribute("aria-labelledby", label.id);
        field.setAttribute("aria-labelledby", `${label.id} ${chosen.id}`);
    }
});
