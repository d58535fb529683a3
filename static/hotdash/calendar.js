/* The calendar: a post is moved by mouse, by keys, or in a dialog; the server says what that costs, before. */
(() => {
  "use strict";
  const root = () => document.getElementById("hd-cal");
  const card = document.getElementById("hd-dragcard");
  const says = document.getElementById("hd-cal-says");
  const dialog = document.getElementById("hd-cal-move");
  const { cost: COST, move: MOVE } = root().dataset;
  const lost = "HotDash cannot be reached. Nothing was moved; try again in a minute.";

  /* What it would cost: {refused} or {at, day, time, move, words, meant}. */
  async function ask(post, said) {
    try {
      const answer = await fetch(`${COST}?${new URLSearchParams({ post, ...said })}`);
      return answer.ok && !answer.redirected ? await answer.json() : { refused: "That cannot be said now: load the page again." };
    } catch {
      return { refused: lost };
    }
  }
  async function move(post, hash, seen) {
    const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
    const body = new URLSearchParams({ post, at: seen.at, meant: seen.meant, shown_hash: hash });
    let said;
    try {
      const answer = await fetch(MOVE, { method: "POST", headers: { "X-CSRFToken": token }, body });
      const known = answer.headers.get("content-type") === "application/json";
      said = known ? { ...(await answer.json()), wrong: !answer.ok } : { words: "It was not moved: load the page again.", wrong: true };
    } catch {
      said = { words: lost, wrong: true };
    }
    hotdash.toast(said.words, { wrong: said.wrong });
    await again(post);
  }
  /* Draw what is there now, and put the focus back. */
  async function again(post) {
    try {
      const answer = await fetch(location.href);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("hd-cal");
      if (fresh) root().replaceWith(fresh);
    } catch { /* what stands there stays; the toast has said it */ }
    const entry = document.getElementById(`hd-ev-${post}`);
    const shown = entry && entry.checkVisibility() ? entry : document.querySelector(`.hd-list-move[data-post="${post}"]`);
    if (shown) shown.focus();
  }
  function told(box, seen) {
    box.classList.toggle("hd-never", Boolean(seen.refused));
    box.classList.toggle("hd-costs", seen.meant === "asks" || seen.meant === "approves");
  }

  /* ---- one move under way: of this entry, to this day */
  let going = null;
  const cellOf = (day) => document.querySelector(`.hd-day[data-date="${day}"]`);
  function clear() {
    for (const cell of document.querySelectorAll(".hd-drop, .hd-refused")) cell.classList.remove("hd-drop", "hd-refused");
    for (const slot of document.querySelectorAll(".hd-slot")) slot.remove();
  }
  function end() {
    if (going) going.entry.classList.remove("hd-ghost");
    going = null;
    clear();
    card.hidden = true;
  }
  function begin(entry) {
    end();
    going = { entry, post: entry.dataset.post, day: entry.dataset.day, seen: null };
    entry.classList.add("hd-ghost");
    return going;
  }
  async function over(cell) {
    const day = cell.dataset.date;
    if (!going || going.day === day) return;
    const mine = going;
    mine.day = day;
    clear();
    cell.classList.add("hd-drop");
    card.querySelector("b").textContent = mine.entry.querySelector("b").textContent;
    card.querySelector("span").textContent = "";
    card.querySelector("em").textContent = "";
    if (day === mine.entry.dataset.day) {
      card.hidden = true;
      mine.seen = null;
      return;
    }
    mine.seen = ask(mine.post, { day });
    const seen = await mine.seen;
    if (going !== mine || mine.day !== day) return;
    told(card, seen);
    card.hidden = false;
    card.querySelector("span").textContent = seen.refused ? "" : seen.move + (seen.shops ? ` (${seen.shops})` : "");
    card.querySelector("em").textContent = seen.refused || seen.words;
    cell.classList.toggle("hd-refused", Boolean(seen.refused));
    if (!seen.refused) {
      const slot = document.createElement("div");
      slot.className = "hd-slot hd-num";
      slot.textContent = seen.time;
      cell.append(slot);
    }
    says.textContent = seen.refused || `${seen.move}. ${seen.words}.`;
  }
  async function put() {
    const mine = going;
    if (!mine || !mine.seen) return end();
    const seen = await mine.seen;
    const hash = mine.entry.dataset.hash;
    end();
    if (seen.refused) hotdash.toast(seen.refused, { wrong: true });
    else await move(mine.post, hash, seen);
  }
  function place(x, y) {
    card.style.left = `${Math.min(x + 14, innerWidth - 330)}px`;
    card.style.top = `${Math.min(y + 12, innerHeight - 90)}px`;
  }

  /* ---- by mouse */
  const nothing = new Image();
  nothing.src = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";
  document.addEventListener("dragstart", (event) => {
    const entry = event.target.closest && event.target.closest(".hd-ev[data-moves]");
    if (!entry) return;
    begin(entry);
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", entry.href);
    event.dataTransfer.setDragImage(nothing, 0, 0);
  });
  document.addEventListener("dragover", (event) => {
    if (!going) return;
    place(event.clientX, event.clientY);
    const cell = event.target.closest && event.target.closest(".hd-day");
    if (!cell) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "move";
    over(cell);
  });
  document.addEventListener("drop", (event) => {
    if (!going) return;
    event.preventDefault();
    put();
  });
  document.addEventListener("dragend", () => { if (going) end(); });

  /* ---- by keys */
  const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
  function shifted(day, by) {
    const date = new Date(`${day}T12:00:00Z`);
    date.setUTCDate(date.getUTCDate() + by);
    return date.toISOString().slice(0, 10);
  }
  document.addEventListener("keydown", (event) => {
    const entry = event.target.closest && event.target.closest(".hd-ev[data-moves]");
    if (!entry || event.isComposing) return;
    if (event.altKey && STEPS[event.key]) {
      event.preventDefault();
      if (!going || going.entry !== entry) begin(entry);
      const cell = cellOf(shifted(going.day, STEPS[event.key]));
      if (!cell) {
        says.textContent = "That is the last day shown here: M asks for any other time.";
        return;
      }
      const box = cell.getBoundingClientRect();
      place(box.left, box.top + 40);
      over(cell);
    } else if (going && going.entry === entry && event.key === "Enter") {
      event.preventDefault();
      put();
    } else if (going && event.key === "Escape") {
      event.preventDefault();
      end();
      says.textContent = "Left where it was.";
    } else if (event.key.toLowerCase() === "m" && !event.altKey && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      end();
      open(entry.dataset.post, entry.dataset.hash, entry.querySelector("b").textContent, entry);
    }
  });
  document.addEventListener("focusout", (event) => {
    if (going && event.target === going.entry && !event.target.matches(":active")) end();
  });

  /* ---- in a dialog */
  const at = document.getElementById("hd-cal-at");
  const costs = document.getElementById("hd-cal-cost");
  const button = dialog.querySelector("[data-hd-cal=move]");
  let asked = null;
  let opener = null;
  function open(post, hash, name, from) {
    asked = { post, hash, seen: null };
    opener = from;
    document.getElementById("hd-cal-name").textContent = name;
    at.value = "";
    show({ words: "" });
    dialog.showModal();
  }
  function show(seen) {
    told(costs, seen);
    costs.textContent = seen.refused || (seen.move ? `${seen.move}. ${seen.words}.` : seen.words);
    asked.seen = seen.refused || !seen.at ? null : seen;
    button.setAttribute("aria-disabled", String(!asked.seen));
  }
  async function look(said) {
    const mine = asked;
    mine.number = (mine.number || 0) + 1;
    const number = mine.number;
    const seen = await ask(mine.post, said);
    if (asked !== mine || mine.number !== number) return;
    if (said.slot && !seen.refused) at.value = seen.local;
    show(seen);
  }
  at.addEventListener("input", () => { if (at.value) look({ at: at.value }); else show({ words: "" }); });
  dialog.addEventListener("click", async (event) => {
    const pressed = event.target.closest("[data-hd-cal]");
    if (!pressed) return;
    if (pressed.dataset.hdCal === "back") dialog.close();
    else if (pressed.dataset.hdCal === "slot") look({ slot: "1" });
    else if (!asked.seen) {
      if (!costs.textContent) costs.textContent = "Say to when: a date and a time.";
      at.focus();
    } else {
      const { post, hash, seen } = asked;
      opener = null;
      dialog.close();
      await move(post, hash, seen);
    }
  });
  dialog.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); button.click(); });
  dialog.addEventListener("close", () => { if (opener && opener.isConnected) opener.focus(); });
  document.addEventListener("click", (event) => {
    const more = event.target.closest(".hd-list-move");
    if (more) open(more.dataset.post, more.dataset.hash, more.dataset.name, more);
  });
})();
