/* Connect: the way to the provider is asked for, then the whole page goes there. A form that leads away would be
   stopped by the page's own policy. */
(() => {
  "use strict";
  for (const button of document.querySelectorAll("[data-hd-connect]")) {
    button.addEventListener("click", async () => {
      button.disabled = true;
      const sorry = (words) => { button.disabled = false; window.hotdash.toast(words, { wrong: true }); };
      try {
        const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
        const answer = await fetch(button.dataset.hdConnect, {
          method: "POST",
          headers: { "X-CSRFToken": token, Accept: "application/json" },
          redirect: "error",
        });
        const said = await answer.json();
        if (!said.url) return sorry(said.words || "That did not work. Nothing was changed.");
        const url = new URL(said.url);
        if (!["https:", "http:"].includes(url.protocol)) return sorry("The provider's address is set up wrongly.");
        location.assign(url.href);
      } catch {
        sorry("That did not work. You may be signed out: load the page again.");
      }
    });
  }
  // Back by the browser's button: it can be pressed again.
  addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("[data-hd-connect]")) button.disabled = false;
  });
})();
