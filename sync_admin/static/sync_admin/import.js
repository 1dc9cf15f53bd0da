// Keeps the page of an import up to date while it is checked or imported; loads it anew when its state has changed.
"use strict";

(function () {
  const EVERY = 1000; // milliseconds

  function show(section, state) {
    section.querySelector("[data-label]").textContent = state.label;
    section.querySelector("[data-text]").textContent = state.text;
    section.querySelector("progress").value = state.percent;
    const problem = section.querySelector("[data-problem]");
    problem.textContent = state.problem;
    problem.hidden = !state.problem;
  }

  async function follow(section) {
    if (!document.hidden) {
      try {
        const answer = await fetch(section.dataset.import, { headers: { Accept: "application/json" } });
        if (answer.ok) {
          const state = await answer.json();
          if (state.state !== section.dataset.state) {
            location.reload();
            return;
          }
          show(section, state);
        }
      } catch (error) {
        // The server is away for a moment; the next turn tries again.
      }
    }
    setTimeout(() => follow(section), EVERY);
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-import]").forEach(follow);
  });
})();
