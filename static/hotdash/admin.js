/* What every page of the admin needs besides Unfold's own scripts. Loaded in <head>, before the page is there. */
(() => {
  "use strict";

  // htmx: no style of its own (the policy refuses it), no code out of attributes.
  if (window.htmx) Object.assign(htmx.config, { includeIndicatorStyles: false, allowEval: false });

  // The person's time zone, for the times on the next page.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (/^[\w+/-]+$/.test(zone || "") && !document.cookie.split("; ").includes("timezone=" + zone)) {
    const secure = location.protocol === "https:" ? ";secure" : "";
    document.cookie = "timezone=" + zone + ";path=/;max-age=31536000;samesite=lax" + secure;
  }

  /* One line at the foot of the page. What went wrong stays until it is closed. */
  function toast(words, { wrong = false, undo = null } = {}) {
    let region = document.getElementById("hd-toasts");
    if (!region) {
      region = document.createElement("div");
      region.id = "hd-toasts";
      region.setAttribute("role", "status");
      document.body.append(region);
    }
    // What a page that reads itself again stumbles over time and again is said once.
    if (wrong && [...region.children].some((said) => said.firstChild.data === words)) return;
    const box = document.createElement("div");
    box.className = wrong ? "hd-toast hd-wrong" : "hd-toast";
    box.append(words);
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = undo ? undo.words : "Close";
    button.addEventListener("click", () => { box.remove(); if (undo) undo.act(); });
    box.append(button);
    region.append(box);
    if (!wrong) setTimeout(() => box.remove(), 8000);
  }
  window.hotdash = { toast };
  document.addEventListener("hotdash:toast", (event) => {
    const said = event.detail || {};
    toast(said.words || said.value || "", { wrong: Boolean(said.wrong) });
  });

  // htmx does not show answers that are errors: say them.
  document.addEventListener("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    toast(
      status === 401 || status === 403
        ? "You may not do this, or you are signed out: load the page again."
        : status === 503
          ? "The database did not answer. Nothing was changed; try again in a minute."
          : "That did not work (" + status + "). Nothing was changed; load the page again.",
      { wrong: true },
    );
  });
  document.addEventListener("htmx:sendError", () => toast("HotDash cannot be reached. Try again in a minute.", { wrong: true }));

  /* Unfold's controls that answer only to a mouse, made buttons for keyboard and screen reader. */
  const NAMES = {
    filterOpen: "Filters",
    openTheme: "Light or dark",
    sidebarMobileOpen: "Close the menu",
    openUserLinks: "Your account",
    openModal: "Close",
    "switchTheme('light')": "Light",
    "switchTheme('dark')": "Dark",
    "switchTheme('auto')": "As the system",
  };
  function nameOf(control) {
    const drawing = control.classList.contains("material-symbols-outlined");
    const words = drawing ? "" : [...control.childNodes]
      .filter((node) => !(node.classList && node.classList.contains("material-symbols-outlined")))
      .map((node) => node.textContent.trim()).join(" ").trim();
    if (words) return "";
    const code = control.getAttribute("x-on:click") || "";
    return (Object.entries(NAMES).find(([part]) => code.includes(part)) || ["", ""])[1];
  }
  function reachable(root) {
    for (const control of root.querySelectorAll("[x-on\\:click]:not(button):not(input):not([href]):not([tabindex])")) {
      control.setAttribute("role", "button");
      control.tabIndex = 0;
      const name = nameOf(control);
      if (name && !control.hasAttribute("aria-label")) control.setAttribute("aria-label", name);
    }
    for (const choice of root.querySelectorAll(".select2-selection:not([aria-label])")) {
      const field = choice.closest(".field-line, .form-row, div:has(> label)");
      const label = field && field.querySelector("label");
      if (label) choice.setAttribute("aria-label", label.textContent.trim());
    }
    // The name of an icon's drawing is no word to read out.
    for (const sign of root.querySelectorAll(".material-symbols-outlined:not([aria-hidden])")) {
      if (!sign.hasAttribute("role") && !sign.hasAttribute("aria-label")) sign.setAttribute("aria-hidden", "true");
    }
  }
  document.addEventListener("keydown", (event) => {
    const control = event.target;
    if ((event.key === "Enter" || event.key === " ") && control.matches && control.matches("[role=button][x-on\\:click]:not(button)")) {
      event.preventDefault();
      control.click();
    }
  });
  document.addEventListener("DOMContentLoaded", () => {
    const main = document.getElementById("main");
    if (main) main.setAttribute("role", "main");
    const name = (selector, words) => {
      const found = document.querySelector(selector);
      if (found) found.setAttribute("aria-label", words);
    };
    name("#nav-sidebar-inner", "Main menu");
    name("#nav-sidebar-inner nav", "Your account");
    name("#searchbar-submit", "Search");
    reachable(document);
    document.addEventListener("htmx:afterSettle", (event) => reachable(event.target));
    // A second press of a button that is on its way does nothing.
    for (const form of document.querySelectorAll("form[data-hd-once]")) {
      form.addEventListener("submit", (event) => {
        if (form.dataset.hdSent) event.preventDefault();
        form.dataset.hdSent = "1";
      });
    }
    for (const button of document.querySelectorAll("[data-hd-copy]")) {
      button.addEventListener("click", async () => {
        const source = document.getElementById(button.dataset.hdCopy);
        try {
          await navigator.clipboard.writeText(source.value || source.textContent.trim());
          toast("Copied.");
        } catch {
          if (source.select) source.select();
          toast("Your browser does not allow copying: mark it and press Ctrl C.", { wrong: true });
        }
      });
    }
  });
  // SimpleBar gives every part that scrolls the same name, when it has drawn them.
  window.addEventListener("load", () => {
    for (const [number, part] of document.querySelectorAll(".simplebar-content-wrapper").entries()) {
      part.setAttribute("aria-label", part.closest("#nav-sidebar-inner") ? "Menu, scrolls" : `Part ${number + 1}, scrolls`);
    }
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-hd-sent]")) delete form.dataset.hdSent;
  });
})();
