// Keeps the strip above the contact list up to date while somebody looks at it.
"use strict";

(function () {
  const EVERY = 2000; // milliseconds

  function show(strip, state) {
    for (const [name, count] of Object.entries(state.summary)) {
      const cell = strip.querySelector(`[data-count="${name}"]`);
      if (!cell) continue;
      cell.textContent = count.toLocaleString("en");
      cell.parentElement.classList.toggle("sync-zero", !count);
    }
    strip.querySelector("[data-running]").hidden = !state.running;
    const operations = strip.querySelector("[data-operations]");
    operations.querySelector("a").textContent = state.operations.map((operation) => operation.text).join(" ");
    operations.hidden = !state.operations.length;
    for (const name of ["problem", "notes"]) {
      const line = strip.querySelector(`[data-${name}]`);
      line.textContent = state[name];
      line.hidden = !state[name];
    }
  }

  async function refresh(strip) {
    if (document.hidden) return;
    try {
      const answer = await fetch(strip.dataset.url, { headers: { Accept: "application/json" } });
      if (answer.ok) show(strip, await answer.json());
    } catch (error) {
      // The server is away for a moment; the next turn tries again.
    }
  }

  async function follow(strip) {
    await refresh(strip);
    setTimeout(() => follow(strip), EVERY);
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".sync-strip[data-url]").forEach(follow);
  });
})();
