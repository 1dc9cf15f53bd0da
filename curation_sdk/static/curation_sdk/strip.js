// Keeps the lines above the contact list up to date while somebody looks at them.
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
    const texts = {
      operations: state.operations.map((operation) => operation.text).join(" "),
      problem: state.problem,
    };
    for (const [name, text] of Object.entries(texts)) {
      const line = strip.querySelector(`[data-${name}]`);
      line.textContent = text;
      line.hidden = !text;
    }
  }

  async function refresh(strips) {
    if (document.hidden) return;
    try {
      const answer = await fetch(strips.dataset.url, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      for (const state of (await answer.json()).queues) {
        const strip = strips.querySelector(`[data-platform="${state.platform}"]`);
        if (strip) show(strip, state);
      }
    } catch (error) {
      // The server is away for a moment; the next turn tries again.
    }
  }

  async function follow(strips) {
    await refresh(strips);
    setTimeout(() => follow(strips), EVERY);
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".sync-strips[data-url]").forEach(follow);
  });
})();
