// Keeps the dashboard up to date while somebody looks at it. The words are the server's; here they are put in place.
"use strict";

(function () {
  const EVERY = 2000; // milliseconds

  // Written only when it differs: what a reader has marked, and what a screen reader is reading, stays.
  function write(element, text) {
    if (element && element.textContent !== text) element.textContent = text;
  }

  function say(element, text) {
    write(element, text);
    element.hidden = !text;
  }

  function cell(row, content) {
    row.appendChild(document.createElement("td")).append(content);
  }

  function badge(kind, text) {
    const made = document.createElement("span");
    made.className = `sync-badge sync-${kind}`;
    made.textContent = text;
    return made;
  }

  function showRuns(section, runs) {
    const body = section.querySelector("[data-runs]");
    const news = JSON.stringify(runs);
    if (body.dataset.shown === news) return;
    body.dataset.shown = news;
    const rows = runs.map((run) => {
      const row = document.createElement("tr");
      let when = run.when;
      if (run.url) {
        when = document.createElement("a");
        when.href = run.url;
        when.textContent = run.when;
      }
      [when, badge(run.kind, run.state), run.did, run.reason, run.took, run.trigger].forEach((one) => cell(row, one));
      return row;
    });
    body.replaceChildren(...rows);
    section.querySelector("[data-no-runs]").hidden = runs.length > 0;
    section.querySelector("[data-runs-region]").hidden = !runs.length;
  }

  // An operation that begins while the page is open has no form with a token yet: one is made from a form that has.
  function stopForm(section, operation) {
    const model = section.querySelector("form[data-control=cancel]");
    if (!model) return null;
    const form = model.cloneNode(true);
    delete form.dataset.control;
    form.hidden = false;
    form.action = operation.stop;
    form.querySelector("button").textContent = "Stop";
    return form;
  }

  function showOperations(section, operations) {
    const box = section.querySelector("[data-operations]");
    const list = box.querySelector("ul");
    const known = new Map([...list.children].map((item) => [item.dataset.operation, item]));
    for (const operation of operations) {
      let item = known.get(operation.id);
      known.delete(operation.id);
      if (!item) {
        item = list.appendChild(document.createElement("li"));
        item.dataset.operation = operation.id;
        item.appendChild(document.createElement("span")).dataset.text = "";
        const form = stopForm(section, operation);
        if (form) item.append(" ", form);
      }
      write(item.querySelector("[data-text]"), operation.text);
    }
    known.forEach((item) => item.remove());
    box.hidden = !operations.length;
  }

  function showQueue(section, queue) {
    const state = section.querySelector("[data-state]");
    write(state, queue.state.text);
    state.className = `sync-badge sync-${queue.state.kind}`;
    say(section.querySelector("[data-problem]"), queue.problem);
    say(section.querySelector("[data-notes]"), queue.notes);
    section.querySelector(".sync-bar").setAttribute("aria-label", queue.bar.text);
    for (const part of queue.bar.parts) {
      const shape = section.querySelector(`[data-part="${part.name}"]`);
      shape.setAttribute("x", part.x);
      shape.setAttribute("width", part.width);
    }
    for (const entry of queue.legend) write(section.querySelector(`[data-count="${entry.name}"]`), entry.text);
    for (const [name, text] of Object.entries(queue.facts)) {
      write(section.querySelector(`[data-fact="${name}"]`), text);
    }
    showOperations(section, queue.operations);
    showRuns(section, queue.runs);
    for (const [name, possible] of Object.entries(queue.controls)) {
      const form = section.querySelector(`[data-control="${name}"]`);
      if (form) form.hidden = !possible;
    }
  }

  function show(page, board) {
    write(page.querySelector("[data-at]"), board.at);
    write(page.querySelector("[data-worker]"), board.worker);
    say(page.querySelector("[data-no-worker]"), board.problem);
    for (const queue of board.queues) {
      const section = page.querySelector(`[data-queue="${queue.platform}"]`);
      if (section) showQueue(section, queue);
    }
  }

  async function follow(page) {
    if (!document.hidden) {
      try {
        const answer = await fetch(page.dataset.url, { headers: { Accept: "application/json" } });
        if (answer.ok) show(page, await answer.json());
      } catch (error) {
        // The server is away for a moment; the next turn tries again.
      }
    }
    setTimeout(() => follow(page), EVERY);
  }

  document.addEventListener("DOMContentLoaded", () => follow(document.getElementById("board")));
})();
