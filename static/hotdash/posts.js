/* The screens of a post: questions before what cannot be undone, and what follows a post on its way. */
(() => {
  "use strict";

  /* ---- a question first: a form or a button with data-hd-asks */
  const asks = document.getElementById("hd-asks");
  const looked = asks && asks.querySelector("output");
  const yes = asks && asks.querySelector("button[value=yes]");
  function question(title, words, verb) {
    asks.querySelector("h2").textContent = title;
    asks.querySelector("p").textContent = words;
    yes.textContent = verb;
    yes.disabled = false;
    looked.replaceChildren();
    asks.returnValue = "";
    asks.showModal();
    return new Promise((done) => asks.addEventListener("close", () => done(asks.returnValue === "yes"), { once: true }));
  }
  /* What many posts would run into, before it is done: the server tries, and takes all of it back. */
  async function foresee(form, button, verb) {
    const asked = new FormData(form, button);
    asked.append("foresee", "1");
    looked.textContent = "Looking at what would happen…";
    yes.disabled = true;
    const closed = new AbortController();
    asks.addEventListener("close", () => closed.abort(), { once: true });
    try {
      const signal = AbortSignal.any([closed.signal, AbortSignal.timeout(20000)]);
      const answer = await fetch(form.getAttribute("action") || location.href, { method: "POST", body: asked, signal });
      const told = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".hd-foreseen");
      if (!answer.ok || !told) throw new Error();
      const number = Number(told.dataset.number);
      looked.replaceChildren(told);
      yes.disabled = !number;
      yes.textContent = number ? `${verb}: ${number.toLocaleString("en-GB")}` : verb;
    } catch {
      if (closed.signal.aborted) return;
      looked.textContent = "What would happen could not be looked up. Each post is decided for itself, and what is left alone is told with its reason.";
      yes.disabled = false;
    }
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
    const answered = question(title, source.dataset.hdAsks, verb);
    if (form.id === "changelist-form") foresee(form, button, verb);
    if (await answered) {
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
