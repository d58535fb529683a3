/* The resume plan follows each choice: the server draws it anew, of answers to quick choices the last one counts. */
(() => {
  "use strict";
  const form = document.getElementById("hd-resume-form");
  if (!form) return;
  let asked = 0;

  async function follow(button) {
    const number = ++asked;
    const said = new FormData(form, button);
    try {
      const answer = await fetch(form.action, { method: "POST", body: said, headers: { "HX-Request": "true" } });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      const drawn = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (number !== asked) return;
      const focus = document.activeElement && document.activeElement.id;
      for (const id of ["hd-plan", "hd-sum"]) {
        const now = document.getElementById(id);
        const next = drawn.getElementById(id);
        if (now && next) now.replaceWith(document.adoptNode(next));
      }
      const back = focus && document.getElementById(focus);
      if (back) back.focus({ preventScroll: true });
    } catch {
      if (number === asked) window.hotdash.toast("The plan could not be drawn anew. Nothing was changed; load the page again.", { wrong: true });
    }
  }

  form.addEventListener("change", () => follow());
  form.addEventListener("submit", (event) => {
    if (!event.submitter || event.submitter.name !== "all") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    follow(event.submitter);
  }, true);
})();
