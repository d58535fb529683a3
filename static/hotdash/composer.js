/* Writing a post: counters as the networks count, previews and checks that the server draws, pictures, and a draft that
   the browser keeps until the server has it. */
const form = document.getElementById("post_form");
if (form) (async () => {
  const { counting } = await import(form.dataset.counting);
  const known = JSON.parse(document.getElementById("hd-counting").textContent);
  const by = counting(known.table);
  const rules = known.networks;
  const text = form.elements.text;
  const files = form.elements.pictures;
  const pics = form.querySelector(".hd-pics");
  const strip = form.querySelector(".hd-cnt");
  const tiles = [...form.querySelectorAll("input[name=channels]")];
  const tabs = [...strip.children];
  const shows = [...form.querySelectorAll("[data-hd-show]")];
  const live = document.getElementById("hd-live");
  const stops = document.getElementById("hd-stops");
  const own = (key) => form.elements[`own_${key}`];
  const panel = (key) => document.getElementById(`hd-own-${key}`);
  const number = (n) => n.toLocaleString("en-GB");
  let links = {};
  let selected = form.querySelector("[data-wrong]")?.dataset.network || null;
  let dirty = Boolean(document.getElementById("hd-errors"));

  /* ---- counting */
  const chosen = () => [...new Set(tiles.filter((tile) => tile.checked).map((tile) => tile.dataset.network))];
  const wordsOf = (key) => (own(key).value.trim() ? own(key).value : text.value);
  function counted(key) {
    const link = links[key] || form.elements.link.value.trim();
    const words = wordsOf(key);
    const inText = rules[key].link_in_text || (pics.children.length && !rules[key].link_beside);
    if (!link || !inText || words.includes(link)) return words;
    return words ? `${words}\n\n${link}` : link;
  }
  /* The hashtags of a network's chosen channels that its words do not have yet. */
  function tagsOf(key) {
    const has = wordsOf(key).toLowerCase().split(/\s+/);
    const all = tiles.filter((tile) => tile.checked && tile.dataset.network === key).flatMap((tile) => (tile.dataset.tags || "").split(/\s+/));
    return [...new Set(all)].filter((tag) => tag && !has.includes(tag.toLowerCase()));
  }
  const limitOf = (key) => (pics.children.length && rules[key].caption ? rules[key].caption : rules[key].limit);

  function follow() {
    const networks = chosen();
    if (!networks.includes(selected)) selected = networks[0] || null;
    strip.hidden = !networks.length;
    const wrong = [];
    for (const tab of tabs) {
      const key = tab.dataset.network;
      const on = networks.includes(key);
      tab.hidden = !on;
      panel(key).hidden = !on || key !== selected;
      tab.setAttribute("aria-selected", String(key === selected));
      tab.tabIndex = key === selected ? 0 : -1;
      if (!on) continue;
      const { name, count, note, bytes } = rules[key];
      const limit = limitOf(key);
      const words = counted(key);
      const length = by.counts[count](words);
      let over = length - limit;
      let said = over > 0 ? `${number(over)} over ${number(limit)}` : limit < 50000 ? `${number(length)} of ${number(limit)}` : `${number(length)} characters`;
      if (over <= 0 && bytes && by.counts.utf8(words) > bytes) {
        over = by.counts.utf8(words) - bytes;
        said = `${number(over)} bytes over ${number(bytes)}`;
      }
      tab.querySelector("b").textContent = said;
      tab.querySelector("meter").value = Math.min(100, Math.round((100 * length) / limit));
      tab.classList.toggle("hd-over", over > 0);
      const mine = !own(key).hidden;
      tab.querySelector("em").hidden = !mine;
      const box = panel(key);
      box.querySelector("[data-hd-says]").textContent = mine ? `${name} has its own text` : `${name} gets the text for all`;
      box.querySelector("[data-hd-differs]").textContent = mine && own(key).value === text.value ? "a copy of the text for all, until you change it" : over > 0 ? "" : note;
      box.querySelector("[data-hd-own-text]").hidden = mine;
      box.querySelector("[data-hd-drop]").hidden = !mine;
      const tags = tagsOf(key).join(" ");
      const offer = box.querySelector("[data-hd-tags]");
      offer.hidden = !tags;
      offer.textContent = `Add ${tags.length > 40 ? `${tags.slice(0, 39)}…` : tags}`;
      tell(box.querySelector("[data-hd-over]"), key, over, said.includes("bytes"), limit);
      if (over > 0) wrong.push(`${name} is ${number(over)} ${said.includes("bytes") ? "bytes " : ""}over`);
      if (rules[key].needs_media && !pics.children.length) wrong.push(`${name} needs a picture`);
      if (pics.children.length > rules[key].pictures) wrong.push(`${name} takes ${rules[key].pictures} pictures`);
    }
    for (const show of shows) {
      const key = show.dataset.hdShow;
      show.hidden = !networks.includes(key);
      show.setAttribute("aria-selected", String(key === selected));
      show.tabIndex = key === selected ? 0 : -1;
    }
    const total = tiles.filter((tile) => tile.checked).length;
    document.getElementById("hd-chosen").textContent = tiles.length ? `${total} of ${tiles.length}` : "";
    form.querySelector("label[for=id_text]").textContent = total > 1 ? `Text for all ${total}` : total ? "Text" : "Text for all";
    if (stops) stops.textContent = wrong.join(", ");
    const badge = document.getElementById("hd-stops-n");
    badge.hidden = !wrong.length;
    badge.textContent = wrong.length;
    card();
    shown();
  }

  /* By how much it is too long, and which words are too many. */
  function tell(line, key, over, bytes, limit) {
    line.hidden = over <= 0;
    if (over <= 0) return;
    const words = wordsOf(key);
    const room = bytes ? words.length : by.fitting(rules[key].count, words, limit);
    const tail = words.slice(room);
    const mark = document.createElement("mark");
    mark.textContent = tail.length > 60 ? `${tail.slice(0, 60)}…` : tail;
    line.replaceChildren(`${number(over)} ${bytes ? "bytes" : "characters"} over: ${rules[key].name} would refuse it. `);
    if (tail.trim()) line.append("Too much is ", mark);
    else line.append(rules[key].note);
  }

  function card() {
    const box = document.getElementById("hd-linkcard");
    let address = null;
    try { address = new URL(form.elements.link.value.trim()); } catch { /* not an address yet */ }
    box.hidden = !address;
    document.getElementById("hd-campaign").hidden = !form.elements.tracked.checked;
    if (!address) return;
    const page = decodeURIComponentSafely(address.pathname.replace(/\/$/, "").split("/").pop().replace(/\.\w+$/, "")).replace(/[-_]+/g, " ").trim();
    box.querySelector("b").textContent = page ? page[0].toUpperCase() + page.slice(1) : address.hostname.replace(/^www\./, "");
    box.querySelector("small").textContent = address.hostname.replace(/^www\./, "");
    const first = Object.values(links)[0];
    document.getElementById("hd-tracked-says").textContent = first && form.elements.tracked.checked
      ? `Sent as ${first.length > 120 ? `${first.slice(0, 119)}…` : first}` : "A card where the network makes one, else the end of the text.";
  }
  const decodeURIComponentSafely = (part) => { try { return decodeURIComponent(part); } catch { return part; } };

  /* ---- what the server draws */
  let asked = 0;
  let timer = 0;
  async function draw() {
    const turn = ++asked;
    const body = new FormData(form);
    body.delete("pictures");
    if (form.dataset.post) body.set("post", form.dataset.post);
    let answer;
    try {
      answer = await fetch(form.dataset.preview, { method: "POST", body, headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value } });
    } catch { return; }
    if (turn !== asked || !answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const inner = page.getElementById("hd-live-inner");
    if (!inner || turn !== asked) return;
    links = JSON.parse(inner.dataset.links);
    offerSlot(inner.dataset.slot || "", inner.dataset.slotSays);
    const focused = live.contains(document.activeElement) ? document.activeElement.dataset.hdGo || document.activeElement.dataset.hdLeave : null;
    live.replaceChildren(...inner.childNodes);
    if (focused) live.querySelector(`[data-hd-go="${CSS.escape(focused)}"], [data-hd-leave="${CSS.escape(focused)}"]`)?.focus();
    follow();
  }
  const slot = document.getElementById("hd-slot");
  function offerSlot(at, says) {
    slot.hidden = !at || form.elements.scheduled_at.value === at;
    slot.dataset.at = at;
    slot.textContent = `Next free slot, ${says}`;
  }
  slot.addEventListener("click", () => {
    form.elements.scheduled_at.value = slot.dataset.at;
    form.elements.scheduled_at.focus();
    slot.hidden = true;
    changed();
  });
  function soon() { clearTimeout(timer); timer = setTimeout(draw, 400); }
  function shown() {
    for (const one of live.querySelectorAll("[data-hd-preview]")) one.hidden = one.dataset.hdPreview !== selected;
  }
  function changed() { dirty = true; keep(); follow(); soon(); }

  /* ---- texts of their own */
  function choose(key, focus) {
    selected = key;
    follow();
    if (focus) form.querySelector(`#hd-tab-${key}`).focus();
  }
  function arrows(list, keyOf, pick) {
    return (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const open = list.filter((one) => !one.hidden);
      const next = open[(open.indexOf(event.target.closest("button")) + step + open.length) % open.length];
      event.preventDefault();
      pick(keyOf(next));
      next.focus();
    };
  }
  strip.addEventListener("click", (event) => { const tab = event.target.closest("button"); if (tab) choose(tab.dataset.network); });
  strip.addEventListener("keydown", arrows(tabs, (tab) => tab.dataset.network, (key) => choose(key)));
  const top = form.querySelector(".hd-seg5");
  top.addEventListener("click", (event) => { const one = event.target.closest("button"); if (one) choose(one.dataset.hdShow); });
  top.addEventListener("keydown", arrows(shows, (one) => one.dataset.hdShow, (key) => choose(key)));
  form.querySelector(".hd-owns").addEventListener("click", (event) => {
    const box = event.target.closest(".hd-own");
    const key = box && box.dataset.network;
    if (event.target.closest("[data-hd-own-text]")) {
      own(key).hidden = false;
      own(key).value = text.value;
      own(key).focus();
    } else if (event.target.closest("[data-hd-drop]")) {
      own(key).value = "";
      own(key).hidden = true;
      box.querySelector("[data-hd-own-text]").hidden = false;
      box.querySelector("[data-hd-own-text]").focus();
    } else if (event.target.closest("[data-hd-tags]")) {
      // To the words of this network alone, where others get the text for all.
      const alone = own(key).hidden && chosen().length === 1;
      if (!alone && own(key).hidden) {
        own(key).hidden = false;
        own(key).value = text.value;
      }
      const field = alone ? text : own(key);
      const words = field.value.trimEnd();
      field.value = words + (!words ? "" : /(^|\s)#\S+$/.test(words) ? " " : "\n\n") + tagsOf(key).join(" ");
      field.focus();
    } else return;
    changed();
  });

  /* ---- pictures: kept by the server at once; one that is still on its way is sent along with the form */
  function order() {
    const carry = new DataTransfer();
    let place = 0;
    for (const row of pics.children) if (row.file) {
      carry.items.add(row.file);
      row.querySelector("input[name=media]").value = `new:${place++}`;
    }
    files.files = carry.files;
    changed();
  }
  async function upload(row) {
    const body = new FormData();
    body.append("picture", row.file, row.file.name);
    const words = row.querySelector("small");
    try {
      const answer = await fetch(form.dataset.picture, { method: "POST", body, headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value } });
      const said = await answer.json();
      if (!row.isConnected) return;
      if (!answer.ok) {
        words.textContent = said.problem || "It could not be kept.";
        words.classList.add("hd-red-text");
        return;
      }
      if ([...pics.children].some((other) => other !== row && other.querySelector("input[name=media]").value === said.sha256)) {
        row.remove();
        order();
        return;
      }
      row.file = null;
      row.querySelector("input[name=media]").value = said.sha256;
      row.querySelector("img").src = said.thumbnail;
      words.textContent = said.words;
      order();
    } catch { /* it goes along with the form */ }
  }
  function take(list) {
    const rows = [...list].map((file) => {
      const row = document.getElementById("hd-pic-row").content.firstElementChild.cloneNode(true);
      row.file = file;
      if (/^image\/(jpeg|png|gif|webp)$/.test(file.type)) row.querySelector("img").src = URL.createObjectURL(file);
      row.querySelector("input[name=media_alt]").setAttribute("aria-label", `Alt text of ${file.name}`);
      row.querySelector("small").textContent = file.name;
      pics.append(row);
      return row;
    });
    order();
    rows.forEach(upload);
  }
  files.addEventListener("change", () => take([...files.files].filter((file) => ![...pics.children].some((row) => row.file === file))));
  const drop = form.querySelector(".hd-drop");
  form.addEventListener("dragover", (event) => { if (event.dataTransfer.types.includes("Files")) { event.preventDefault(); drop.classList.add("hd-over"); } });
  form.addEventListener("dragleave", (event) => { if (!form.contains(event.relatedTarget)) drop.classList.remove("hd-over"); });
  form.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    drop.classList.remove("hd-over");
    take(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    const pasted = [...(event.clipboardData?.files || [])].filter((file) => file.type.startsWith("image/"));
    if (!pasted.length) return;
    event.preventDefault();
    take(pasted);
  });
  pics.addEventListener("click", (event) => {
    const row = event.target.closest("li");
    if (event.target.closest("[data-hd-up]") && row.previousElementSibling) {
      row.previousElementSibling.before(row);
      (row.previousElementSibling ? event.target.closest("[data-hd-up]") : row.querySelector("input[name=media_alt]")).focus();
    } else if (event.target.closest("[data-hd-remove]")) row.remove();
    else return;
    order();
  });

  /* ---- phrases and templates */
  document.addEventListener("click", (event) => {
    const phrase = event.target.closest("[data-hd-phrase]");
    const template = event.target.closest("[data-hd-template]");
    for (const menu of document.querySelectorAll(".hd-menu[open]")) if (phrase || template || !menu.contains(event.target)) menu.open = false;
    if (phrase) text.setRangeText(phrase.dataset.hdPhrase, text.selectionStart, text.selectionEnd, "end");
    if (template) text.value = text.value.trim() ? `${text.value}\n\n${template.dataset.hdTemplate}` : template.dataset.hdTemplate;
    if (phrase || template) { text.focus(); changed(); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") for (const menu of document.querySelectorAll(".hd-menu[open]")) { menu.open = false; menu.querySelector("summary").focus(); }
  });

  /* ---- from a check to its field; leaving a network out */
  live.addEventListener("click", (event) => {
    const go = event.target.closest("[data-hd-go]");
    const leave = event.target.closest("[data-hd-leave]");
    if (leave) {
      for (const tile of tiles) if (tile.dataset.network === leave.dataset.hdLeave) tile.checked = false;
      changed();
      return;
    }
    if (!go) return;
    see("write");
    const key = /^id_(?:own|comment)_(\w+)$/.exec(go.dataset.hdGo)?.[1];
    if (key) choose(key);
    const field = document.getElementById(go.dataset.hdGo);
    if (!field) return;
    if (field.closest("details")) field.closest("details").open = true;
    field.scrollIntoView({ block: "center" });
    (field.matches("input, textarea") ? field : field.querySelector("input:not([type=hidden]), textarea") || field.closest("section").querySelector("input") || field).focus();
  });

  /* ---- on a phone: write, look, check */
  const sees = [...form.querySelectorAll("[data-hd-see]")];
  function see(what) {
    form.dataset.see = what;
    for (const one of sees) {
      one.setAttribute("aria-selected", String(one.dataset.hdSee === what));
      one.tabIndex = one.dataset.hdSee === what ? 0 : -1;
    }
  }
  for (const one of sees) one.addEventListener("click", () => see(one.dataset.hdSee));
  sees[0].parentElement.addEventListener("keydown", arrows(sees, (one) => one.dataset.hdSee, see));
  see("write");

  /* ---- kept in the browser until the server has it */
  const place = `hd-draft ${location.pathname}`;
  const shownHash = form.elements.shown_hash?.value || "";
  let draftId = crypto.randomUUID();
  const draft = Object.assign(document.createElement("input"), { type: "hidden", name: "draft", value: draftId });
  form.append(draft);
  const NAMES = (name) => !["csrfmiddlewaretoken", "draft", "pictures", "shown_hash", "channels", "media", "media_alt"].includes(name);
  function keep() {
    const fields = {};
    for (const [name, value] of new FormData(form)) if (NAMES(name) && typeof value === "string") fields[name] = value;
    const rows = [...pics.children].filter((row) => !row.file).map((row) => ({
      media: row.querySelector("input[name=media]").value, alt: row.querySelector("input[name=media_alt]").value,
      src: row.querySelector("img").getAttribute("src"), words: row.querySelector("small").textContent,
    }));
    const at = Date.now();
    try {
      localStorage[place] = JSON.stringify({ id: draftId, at, shownHash, fields, rows, channels: tiles.filter((tile) => tile.checked).map((tile) => tile.value), owns: tabs.map((tab) => tab.dataset.network).filter((key) => !own(key).hidden) });
      document.getElementById("hd-kept-at").textContent = `kept ${clock(at)}`;
    } catch { /* a browser that keeps nothing: the guard on leaving is what there is */ }
  }
  const clock = (at) => new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" }).format(at);
  function bringBack() {
    let kept = null;
    try { kept = JSON.parse(localStorage[place] || "null"); } catch { /* not ours */ }
    if (!kept || document.getElementById("hd-errors")) return;
    if (kept.shownHash !== shownHash) return;  // somebody else changed it meanwhile: what stands there is newer
    for (const [name, value] of Object.entries(kept.fields)) {
      const field = form.elements[name];
      if (field && field.type !== "checkbox" && "value" in field) field.value = value;
    }
    form.elements.tracked.checked = "tracked" in kept.fields;
    for (const tile of tiles) tile.checked = kept.channels.includes(tile.value);
    for (const key of kept.owns) if (own(key)) own(key).hidden = false;
    pics.replaceChildren(...kept.rows.map((one) => {
      const row = document.getElementById("hd-pic-row").content.firstElementChild.cloneNode(true);
      row.querySelector("input[name=media]").value = one.media;
      row.querySelector("input[name=media_alt]").value = one.alt;
      row.querySelector("img").setAttribute("src", one.src);
      row.querySelector("small").textContent = one.words;
      return row;
    }));
    draftId = kept.id;
    draft.value = draftId;
    dirty = true;
    const told = document.getElementById("hd-kept");
    told.hidden = false;
    told.querySelector("span").textContent = `What you wrote at ${clock(kept.at)} and did not save is back.`;
  }
  document.querySelector("[data-hd-forget]").addEventListener("click", () => { localStorage.removeItem(place); dirty = false; location.reload(); });

  /* ---- leaving with something unsaved */
  form.addEventListener("input", (event) => { if (event.target !== files) changed(); });
  form.addEventListener("submit", () => { dirty = false; });
  window.addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form.contains(event.target)) {
      const ask = document.querySelector("button[name=_submit][form=post_form]");
      if (ask) form.requestSubmit(ask);
    }
  });

  bringBack();
  follow();
  draw();
  form.dataset.ready = "1";
})();
