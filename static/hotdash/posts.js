/* The screens of a post: questions before what cannot be undone, and what follows a post on its way. */
(() => {
  "use strict";

  /* ---- a question first: a form or a button with data-hd-asks */
  const asks = document.getElementById("hd-asks");
  function question(title, words, yes) {
    asks.querySelector("h2").textContent = title;
    asks.querySelector("p").textContent = words;
    asks.querySelector("button[value=yes]").textContent = yes;
    asks.returnValue = "";
    asks.showModal();
    return new Promise((done) => asks.addEventListener("close", () => done(asks.returnValue === "yes"), { once: true }));
  }
  function chosen() {
    const across = document.querySelector("input.select-across");
    const all = document.querySelector(".actions span.all");
    if (across && across.value === "1" && all) return Number(all.textContent.replace(/\D/g, ""));
    return document.querySelectorAll("input.action-select:checked").length;
  }
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const button = event.submitter;
    const source = button && button.dataset.hdAsks ? button : form;
    if (!asks || !source.dataset.hdAsks || source.dataset.hdSure) {
      delete source.dataset.hdSure;
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    const verb = source.dataset.hdDo;
    let title = verb + "?";
    if (form.id === "changelist-form") {
      const number = chosen();
      title = `${verb}: ${number.toLocaleString("en-GB")} ${number === 1 ? "post" : "posts"}?`;
    }
    if (await question(title, source.dataset.hdAsks, verb)) {
      source.dataset.hdSure = "1";
      form.requestSubmit(button);
    }
  }, true);

  document.addEventListener("click", (event) => {
    const opens = event.target.closest("[data-hd-open]");
    if (opens) document.getElementById(opens.dataset.hdOpen).showModal();
    const closes = event.target.closest("[data-hd-close]");
    if (closes) closes.closest("dialog").close();
    const tab = event.target.closest("[role=tab][aria-controls]");
    if (tab) {
      for (const other of tab.parentElement.children) {
        const on = other === tab;
        other.setAttribute("aria-selected", String(on));
        document.getElementById(other.getAttribute("aria-controls")).hidden = !on;
      }
    }
  });

  // Unfold's own listener looks for a text field beside each file field, and stumbles where there is none.
  const files = document.getElementById("id_pictures");
  if (files) files.hasChangeListener = true;

  /* ---- what the composer kept is not needed once the server has it */
  const saved = /(?:^|; )hd_saved=([^;]*)/.exec(document.cookie);
  if (saved) {
    for (const key of Object.keys(localStorage)) {
      if (!key.startsWith("hd-draft ")) continue;
      try { if (JSON.parse(localStorage[key]).id === decodeURIComponent(saved[1])) localStorage.removeItem(key); } catch { localStorage.removeItem(key); }
    }
    document.cookie = "hd_saved=; path=/admin/; max-age=0; samesite=lax";
  }
})();
