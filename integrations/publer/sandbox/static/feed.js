"use strict";
// New posts come by themselves, times are the reader's own. Without this script the page still shows every post.

const zone = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });

function clock(date, short) {
  const part = Object.fromEntries(zone.formatToParts(date).map((p) => [p.type, p.value]));
  const days = Math.abs(new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 864e5;
  if (days < 1) return `${part.hour}:${part.minute}` + (short ? "" : `:${part.second}`);
  return days < 6 ? `${part.weekday} ${part.hour}:${part.minute}` : `${part.day} ${part.month} ${part.hour}:${part.minute}`;
}

function ago(date) {
  const seconds = (Date.now() - date) / 1000;
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "m"]]) {
    if (seconds >= size) return Math.floor(seconds / size) + unit;
  }
  return "now";
}

function tellTime(within) {
  for (const time of within.querySelectorAll("time")) {
    const date = new Date(time.dateTime);
    time.title = date.toLocaleString();
    time.textContent = time.className === "ago" ? ago(date) : clock(date, time.className === "short");
  }
}

function fade(item) {
  setTimeout(() => {
    item.classList.remove("new");
    item.querySelector(".in")?.remove();
  }, 30000);
}

function put(column, html) {
  const fresh = column.querySelector(".fresh");
  const [before, height] = [column.scrollTop, column.scrollHeight];
  const items = column.querySelector(".items");
  items.querySelector(".none")?.remove();
  items.insertAdjacentHTML("afterbegin", html);
  tellTime(items.firstElementChild);
  fade(items.firstElementChild);
  if (before > 0) {
    column.scrollTop = before + column.scrollHeight - height; // what is being read stays where it is
    fresh.dataset.count = Number(fresh.dataset.count || 0) + 1;
    fresh.textContent = `↑ ${fresh.dataset.count} new`;
    fresh.hidden = false;
  }
}

function replace(element, html) {
  if (element.dataset.html === html) return;
  element.innerHTML = element.dataset.html = html;
  tellTime(element);
}

function show(changes) {
  for (const [name, number] of Object.entries(changes.facts)) document.querySelector(`[data-fact=${name}]`).textContent = number;
  document.querySelector("[data-alarm]").dataset.alarm = changes.facts.twice ? "yes" : "no";
  replace(document.getElementById("strip"), changes.strip);
  replace(document.getElementById("refusals"), changes.refusals);
  for (const column of document.querySelectorAll(".col")) {
    replace(column.querySelector(".waiting"), changes.waiting[column.id.slice(2)] ?? "");
  }
  for (const [account, count] of Object.entries(changes.counts)) {
    const column = document.getElementById(`c-${account}`);
    if (column) column.querySelector(".count").textContent = count;
  }
  for (const post of changes.posts) {
    const column = document.getElementById(`c-${post.account}`);
    if (column) put(column, post.html);
  }
  if (changes.posts.length) {
    document.querySelector(".cols .nothing")?.remove();
    document.getElementById("said").textContent = `${changes.posts.length} new`;
  }
}

async function look() {
  const page = document.body;
  try {
    const answer = await fetch(`/sandbox/changes?after=${page.dataset.cursor}`);
    const changes = await answer.json();
    if (changes.feed !== page.dataset.feed) return location.reload();
    page.dataset.cursor = changes.cursor;
    page.classList.remove("away");
    show(changes);
  } catch {
    page.classList.add("away");
    replace(document.getElementById("strip"), '<div class="strip"><b>The sandbox has stopped.</b> Once it runs again, this page goes on by itself.</div>');
  }
}

async function watch() {
  if (!document.hidden) await look();
  setTimeout(watch, 1000);
}

tellTime(document);
document.querySelectorAll(".item.new").forEach(fade);
if (document.body.classList.contains("feed")) {
  setTimeout(watch, 1000);
  setInterval(() => tellTime(document), 30000);
  for (const column of document.querySelectorAll(".col")) {
    const fresh = column.querySelector(".fresh");
    fresh.addEventListener("click", () => column.scrollTo({ top: 0 }));
    column.addEventListener("scroll", () => {
      if (column.scrollTop < 8) [fresh.hidden, fresh.dataset.count] = [true, 0];
    }, { passive: true });
  }
  document.addEventListener("click", (event) => {
    for (const open of document.querySelectorAll("details.pop[open]")) if (!open.contains(event.target)) open.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.querySelectorAll("details.pop[open]").forEach((open) => { open.open = false; });
  });
}
