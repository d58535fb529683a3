/* The queue page reads itself again while somebody may see it, and says so when it could not. */
(() => {
  "use strict";
  const live = () => document.getElementById("hd-queue");
  const says = document.getElementById("hd-queue-says");

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target === live() && document.hidden) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && live()) window.htmx.trigger(live(), "hd-look");
  });

  // Read out once, not at every reading.
  function tell() {
    if (live() && says.textContent !== live().dataset.hdSays) says.textContent = live().dataset.hdSays;
  }
  document.addEventListener("htmx:afterSettle", tell);
  tell();

  // What stands here is old then: it must not look like the present.
  const old = (event) => { if (event.target === live()) live().classList.add("hd-old"); };
  document.addEventListener("htmx:sendError", old);
  document.addEventListener("htmx:responseError", old);
})();
