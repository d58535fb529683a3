/* The desk without a page flash: links and forms of it bring the next part, keys press them. Without this script the
   same links and forms load the page. */
(() => {
  "use strict";
  const PARTS = ["hd-desk-sub", "hd-desk-nav", "hd-desk"];
  const SETTLES = 300; // ms in which the key approves nothing: the press was meant for the post before
  const root = () => document.getElementById("hd-desk");
  const undos = document.getElementById("hd-undos");
  const typed = new Map(); // what was written for a post that was left meanwhile
  let busy = false, settling = 0;

  function settle() {
    clearTimeout(settling);
    settling = setTimeout(() => { root().dataset.ready = ""; }, SETTLES);
  }

  function keep() {
    const post = root().dataset.post;
    if (!post) return;
    const said = [...root().querySelectorAll("textarea")].map((field) => [field.name, field.value]).filter(([, value]) => value);
    if (said.length) typed.set(post, said); else typed.delete(post);
  }
  function bringBack() {
    for (const [name, value] of typed.get(root().dataset.post) || []) {
      const field = root().querySelector(`textarea[name="${name}"]`);
      if (field && !field.value) field.value = value;
    }
  }

  function takeUndo() {
    const form = root().querySelector(".hd-undo");
    if (!form) return;
    undos.prepend(form);
    while (undos.children.length > 3) undos.lastElementChild.remove();
    setTimeout(() => form.remove(), Number(form.dataset.seconds) * 1000);
  }

  // The menu stands beside the parts that are brought, and counts what waits.
  function tellHowMany() {
    const badge = document.querySelector(`#nav-sidebar a[href="${location.pathname}"] .hd-badge`);
    if (!badge) return;
    badge.firstChild.data = root().dataset.waiting;
    badge.hidden = root().dataset.waiting === "0";
  }

  function draw(html, { focus = true } = {}) {
    const page = new DOMParser().parseFromString(html, "text/html");
    if (!page.getElementById("hd-desk")) return false;
    for (const id of PARTS) document.getElementById(id).replaceWith(document.adoptNode(page.getElementById(id)));
    settle();
    takeUndo();
    tellHowMany();
    bringBack();
    const post = root().dataset.post;
    history.replaceState(null, "", post ? `?post=${post}` : location.pathname);
    const chosen = root().querySelector(".hd-q[aria-current]");
    if (chosen) chosen.scrollIntoView({ block: "nearest" });
    window.scrollTo(0, 0);
    const title = document.getElementById("hd-desk-title");
    const wrong = document.getElementById("hd-desk-wrong");
    if (wrong) wrong.focus();
    else if (focus && title) title.focus({ preventScroll: true });
    document.getElementById("hd-desk-says").textContent =
      [root().dataset.says, title ? title.textContent.trim().replace(/\s+/g, " ") : ""].filter(Boolean).join(" ");
    return true;
  }

  async function bring(address, options = {}) {
    if (busy) return null;
    busy = true;
    root().setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(address, { ...options, headers: { "X-Hotdash-Part": "desk" }, credentials: "same-origin" });
      return { ok: answer.ok, status: answer.status, html: await answer.text(), away: answer.redirected };
    } catch {
      hotdash.toast("HotDash cannot be reached. Nothing was decided; try again in a minute.", { wrong: true });
      return null;
    } finally {
      busy = false;
      root().removeAttribute("aria-busy");
    }
  }
  function tellWrong(status) {
    const words = status === 403 || status === 401
      ? "You may not do this, or you are signed out: load the page again."
      : `That did not work (${status}). Nothing was decided; load the page again.`;
    hotdash.toast(words, { wrong: true });
  }

  async function go(address) {
    keep();
    const answer = await bring(address);
    if (answer && (answer.away || !draw(answer.html))) tellWrong(answer.away ? 401 : answer.status);
  }
  async function decide(form, button) {
    const body = new FormData(form);
    if (button && button.name) body.set(button.name, button.value);
    const undone = body.get("do") === "undo", post = root().dataset.post;
    keep();
    const answer = await bring(form.action, { method: "POST", body });
    if (!answer) return;
    if (undone) form.remove();
    const page = new DOMParser().parseFromString(answer.html, "text/html");
    const refused = page.querySelector("#hd-desk[data-wrong]");
    if (undone && refused && post) {
      // Too late to undo: the post that is being decided about meanwhile stays.
      const words = page.querySelector("#hd-desk-wrong dd");
      hotdash.toast(words ? words.textContent : "Too late to undo it.", { wrong: true });
      return;
    }
    if (answer.ok && !refused) typed.delete(String(body.get("post")));
    if (answer.away || !draw(answer.html)) tellWrong(answer.away ? 401 : answer.status);
  }

  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const link = event.target.closest("a[data-hd-go]");
    if (link) {
      event.preventDefault();
      go(link.href);
    }
    const network = event.target.closest(".hd-netbar a");
    if (network) {
      event.preventDefault();
      document.getElementById(network.hash.slice(1)).scrollIntoView({ behavior: "smooth", block: "nearest", inline: "start" });
    }
    if (event.target.closest("[data-hd-back]")) closeReason();
    if (event.target.closest("[data-hd-keys]")) document.getElementById("hd-keys").showModal();
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-hd-desk]")) return;
    event.preventDefault();
    decide(event.target, event.submitter);
  });
  document.addEventListener("toggle", (event) => {
    if (event.target.matches && event.target.matches(".hd-rej[open]")) event.target.querySelector("textarea").focus();
  }, true);

  function closeReason() {
    const open = root().querySelector(".hd-rej[open]");
    if (!open) return false;
    open.open = false;
    open.querySelector("summary").focus();
    return true;
  }
  const KEYS = {
    a: () => {
      const form = root().querySelector(".hd-approve");
      if (!form || root().querySelector(".hd-rej[open]")) return;
      const why = form.querySelector("textarea");
      if (why && !why.value.trim()) why.focus();
      else form.requestSubmit(form.querySelector("button"));
    },
    e: () => { const link = root().querySelector("[data-hd-edit]"); if (link) link.click(); },
    r: () => {
      const reason = root().querySelector(".hd-rej");
      if (!reason) return;
      reason.open = true;
      reason.querySelector("textarea").focus(); // at once: what is typed next belongs there, and is no key of the desk
    },
    j: () => press("next"),
    k: () => press("prev"),
    u: () => { const form = undos.firstElementChild; if (form) form.requestSubmit(form.querySelector("button")); },
    "?": () => document.getElementById("hd-keys").showModal(),
  };
  function press(way) {
    const link = document.querySelector(`#hd-desk-nav a[rel=${way}]`) || (way === "next" && root().querySelector("a[rel=next]"));
    if (link) go(link.href);
  }
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
      if (!closeReason() && field && root().contains(field)) field.blur();
      return;
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && field && root().contains(field)) {
      event.preventDefault();
      field.form.requestSubmit(field.form.querySelector("button[name=do]"));
      return;
    }
    if (field || event.repeat || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]") || !(event.key in KEYS)) return;
    event.preventDefault();
    if (!busy && (event.key !== "a" || "ready" in root().dataset)) KEYS[event.key]();
  });
  takeUndo();
  settle();
})();
