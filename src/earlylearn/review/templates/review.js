// How does a person go through the rows of a review: by keys, clicks or swipes, each answer saved before the next row?
"use strict";

const DATA = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const SECONDS = 8; // a label takes, until this person's own answers say
const PAGE = 120; // rows of the overview shown at a time
const WORDS = { keep: "kept", relabel: "relabelled", unsure: "cannot tell", exclude: "no class fits" };

// ---- Where rows come from and answers go to: the server, or (a page sent to a colleague) this browser's own store.

class SaveError extends Error {}

const server = {
  offline: false,
  async call(path, body) {
    const options = { headers: { "X-Review-Token": DATA.token } };
    if (body) Object.assign(options, { method: "POST", body: JSON.stringify(body) });
    let answer;
    try {
      answer = await fetch(path + (body ? "" : (path.includes("?") ? "&" : "?") + "t=" + encodeURIComponent(DATA.token)), options);
    } catch {
      throw new SaveError("the program earlylearn review does not answer; start it again, then press the key again");
    }
    const document_ = await answer.json();
    if (!answer.ok) throw new SaveError(document_.error);
    return document_;
  },
  queue: (who) => server.call("/api/queue?reviewer=" + encodeURIComponent(who)),
  item: (id) => server.call(`/api/item/${encodeURIComponent(id)}?reviewer=${encodeURIComponent(state.who)}&others=${state.others ? 1 : 0}`),
  picture: (id) => `/img/${encodeURIComponent(id)}?t=${encodeURIComponent(DATA.token)}`,
  decide: (answer) => server.call("/api/decision", answer),
  undo: (uuid, id) => server.call("/api/undo", { uuid, reviewer: state.who, undoes: id }),
  summary: () => server.call("/api/summary"),
  differences: () => server.call("/api/adjudicate"),
  write: () => server.call("/api/export", {}),
};

const local = {
  offline: true,
  key: () => `earlylearn review ${DATA.key} ${state.who}`,
  lines: () => JSON.parse(localStorage.getItem(local.key()) || "[]"),
  keep(lines) {
    try {
      localStorage.setItem(local.key(), JSON.stringify(lines));
    } catch {
      throw new SaveError("this browser keeps nothing; allow it to store data of this file");
    }
  },
  standing() {
    const lines = local.lines();
    const undone = new Set(lines.map((line) => line.undoes).filter(Boolean));
    const decided = new Map();
    for (const line of lines) {
      if (line.undoes || undone.has(line.uuid)) continue;
      decided.delete(line.id);
      decided.set(line.id, line);
    }
    return decided;
  },
  async queue(who) {
    state.who = who;
    return { reviewer: who, rows: DATA.rows, decided: Object.fromEntries(local.standing()) };
  },
  item: async (id) => DATA.items[id],
  picture: (id) => DATA.pictures[id],
  async decide(answer) {
    local.keep([...local.lines(), { ...answer, at: Date.now() / 1000 }]);
    return { saved: true };
  },
  async undo(uuid, id) {
    const last = id ? local.lines().find((line) => line.uuid === id) : [...local.standing().values()].at(-1);
    if (!last) return { undone: null };
    local.keep([...local.lines(), { ...last, uuid, undoes: last.uuid, at: Date.now() / 1000 }]);
    return { undone: last };
  },
};

const store = DATA.items ? local : server;

// ---- What the page knows.

const state = {
  who: "", others: false, rows: [], place: new Map(), decided: new Map(), at: 0, item: null, seen: 0, busy: false,
  screen: "start", ahead: new Map(), times: [], selected: new Set(), anchor: null, shown: PAGE,
};

const uuid = () => (crypto.randomUUID ? crypto.randomUUID() : Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(16)).join("-"));
const say = (text) => { $("said").textContent = text; };
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
};
const percent = (share) => `${Math.round(100 * share)} %`;

function worded(decision) {
  return decision.decision === "relabel" ? decision.label : WORDS[decision.decision];
}

// ---- Screens.

function show(screen) {
  state.screen = screen;
  for (const name of ["start", "review", "overview", "adjudicate", "done"]) $(name).hidden = name !== screen;
  for (const button of document.querySelectorAll("[data-screen]")) {
    if (button.dataset.screen === screen) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
  const work = { review: showRow, overview: showOverview, adjudicate: showDifferences, done: showDone }[screen];
  if (work) work();
  const title = $(`${screen === "review" ? "row" : screen}-title`);
  if (title && screen !== "start") title.focus({ preventScroll: true });
}

async function begin(event) {
  event.preventDefault();
  $("start-problem").textContent = "";
  state.others = $("others").checked;
  try {
    const queue = await store.queue($("reviewer").value.trim());
    state.who = queue.reviewer;
    state.rows = queue.rows;
    state.place = new Map(queue.rows.map((row, k) => [row.id, k]));
    state.decided = new Map(Object.entries(queue.decided));
    $("who").textContent = `· ${state.who}`;
    $("screens").hidden = false;
    document.querySelector('[data-screen="adjudicate"]').hidden = store.offline;
    state.at = firstOpen();
    show(state.at === null ? "done" : "review");
  } catch (problem) {
    $("start-problem").textContent = problem.message;
  }
}

function firstOpen(after = -1) {
  const open = (k) => !state.decided.has(state.rows[k].id);
  for (let k = after + 1; k < state.rows.length; k += 1) if (open(k)) return k;
  for (let k = 0; k <= after && k < state.rows.length; k += 1) if (open(k)) return k;
  return null;
}

// ---- One row.

async function itemOf(k) {
  const row = state.rows[k];
  if (!row) return null;
  if (!state.ahead.has(row.id)) {
    const coming = store.item(row.id);
    coming.catch(() => state.ahead.delete(row.id));
    state.ahead.set(row.id, coming);
    if (state.ahead.size > 60) state.ahead.delete(state.ahead.keys().next().value);
  }
  return state.ahead.get(row.id);
}

async function showRow() {
  if (state.at === null) state.at = state.rows.length ? 0 : null;
  if (state.at === null) return;
  const k = state.at;
  let item;
  try {
    item = await itemOf(k);
  } catch (problem) {
    $("problem").textContent = problem.message;
    return;
  }
  if (k !== state.at) return;
  state.item = item;
  state.seen = performance.now();
  $("problem").textContent = "";
  $("row-title").textContent = `${k + 1} of ${state.rows.length} · ${item.id}`;
  showPicture(item);
  $("cells").replaceChildren(...item.cells.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value || "–")]));
  for (const [id, text] of [["given", item.given], ["suggested", item.suggested], ["like-given-name", item.given],
    ["like-suggested-name", item.suggested], ["reason", item.reason]]) $(id).textContent = text;
  $("reason").hidden = !item.reason;
  $("meter").hidden = item.confidence === null;
  $("meter-text").textContent = `The model doubts the given label by ${percent(item.confidence ?? 0)}`;
  $("confidence").value = item.confidence ?? 0;
  $("accept").replaceChildren(`It is ${item.suggested} `, make("kbd", {}, "Enter"));
  $("keep").replaceChildren(`Keep ${item.given} `, make("kbd", {}, "k"));
  const others = Object.entries(item.others ?? {});
  $("others-said").hidden = !others.length;
  $("others-said").textContent = others.map(([name, each]) => `${name}: ${worded(each)}`).join(" · ");
  showClasses(item.classes.slice(0, 9), true);
  $("search-line").hidden = item.classes.length <= 9;
  $("search").value = "";
  for (const side of ["given", "suggested"]) $(`like-${side}`).replaceChildren(...item[`like_${side}`].map((row) => alike(row, item)));
  const before = state.decided.get(item.id);
  $("note").value = before?.note ?? "";
  mark(before);
  showFoot();
  itemOf(k + 1)?.then((next) => { if (next?.picture) new Image().src = store.picture(next.id); }).catch(() => {});
}

function showPicture(item) {
  $("picture").classList.remove("full");
  if (!item.picture) {
    $("picture").replaceChildren();
    return;
  }
  const image = make("img", { src: store.picture(item.id), alt: `The picture ${item.id}`, width: 480, draggable: "false" });
  if (item.pixelated) image.classList.add("pixelated");
  const button = make("button", { type: "button", "aria-label": "Show at full size, or fitted again" }, image);
  button.addEventListener("click", () => $("picture").classList.toggle("full"));
  $("picture").replaceChildren(button);
}

function alike(row, item) {
  const text = row.text || row.id;
  if (!item.picture) return make("li", {}, text);
  return make("li", {}, make("img", { src: store.picture(row.id), alt: text, loading: "lazy" }));
}

function showClasses(names, numbered) {
  const before = state.decided.get(state.item.id);
  $("classes").replaceChildren(...names.map((name, k) => {
    const button = make("button", { type: "button", "data-class": name }, name, ...(numbered ? [" ", make("kbd", {}, String(k + 1))] : []));
    if (before?.decision === "relabel" && before.label === name) button.setAttribute("aria-pressed", "true");
    return button;
  }));
}

function mark(before) {
  const pressed = before && { keep: "keep", unsure: "unsure", exclude: "exclude", relabel: before.label === state.item.suggested ? "accept" : "" }[before.decision];
  for (const button of document.querySelectorAll("[data-answer]")) button.setAttribute("aria-pressed", String(button.dataset.answer === pressed));
}

function showFoot() {
  const done = state.decided.size;
  $("progress").max = Math.max(state.rows.length, 1);
  $("progress").value = done;
  $("counter").textContent = `${done} of ${state.rows.length} answered`;
  const times = state.times.slice(-30).sort((a, b) => a - b);
  const each = times.length >= 5 ? times[times.length >> 1] / 1000 : SECONDS;
  $("left").textContent = `about ${Math.max(1, Math.round(((state.rows.length - done) * each) / 60))} min left`;
}

// ---- Answers.

function answerOf(id, given, suggested, what) {
  const label = what === "accept" ? suggested : what.startsWith("class:") ? what.slice(6) : null;
  const decision = label === null ? what : label === given ? "keep" : "relabel";
  return { reviewer: state.who, uuid: uuid(), id, given, decision, label: decision === "relabel" ? label : null };
}

async function decide(what) {
  if (state.busy || !state.item) return;
  state.busy = true;
  const item = state.item;
  const took = performance.now() - state.seen;
  const answer = { ...answerOf(item.id, item.given, item.suggested, what), note: $("note").value.trim(), ms: Math.round(took) };
  try {
    await store.decide(answer);
    state.decided.delete(item.id);
    state.decided.set(item.id, answer);
    if (took < 120000) state.times.push(took);
    saved(true);
    say(`${worded(answer)}. Saved.`);
    const next = firstOpen(state.at);
    if (next === null) show("done");
    else {
      state.at = next;
      await showRow();
      $("row-title").focus({ preventScroll: true });
    }
  } catch (problem) {
    saved(false);
    $("problem").textContent = `Not saved: ${problem.message}`;
    say("Not saved.");
  } finally {
    state.busy = false;
  }
}

function saved(well) {
  $("saved").classList.toggle("bad", !well);
  $("saved").textContent = well ? "saved ✓" : "not saved ✗";
}

async function undo() {
  if (state.busy) return;
  state.busy = true;
  try {
    const { undone } = await store.undo(uuid(), null);
    if (undone) {
      const earlier = await store.queue(state.who);
      state.decided = new Map(Object.entries(earlier.decided));
      state.at = state.place.get(undone.id) ?? state.at;
      say(`Taken back: ${undone.id}.`);
      saved(true);
      if (state.screen === "review") await showRow();
      else show("review");
    } else say("Nothing to take back.");
  } catch (problem) {
    saved(false);
    $("problem").textContent = `Not saved: ${problem.message}`;
  } finally {
    state.busy = false;
  }
}

function move(by) {
  if (state.at === null) return;
  state.at = Math.min(Math.max(state.at + by, 0), state.rows.length - 1);
  showRow();
}

// ---- The overview.

function pairOf(row) {
  return `${row.given} → ${row.suggested}`;
}

function showOverview() {
  const counts = new Map();
  for (const row of state.rows) counts.set(pairOf(row), (counts.get(pairOf(row)) ?? 0) + 1);
  const pairs = [...counts].sort((a, b) => b[1] - a[1]);
  fill($("filter-pair"), [["", `all (${state.rows.length})`], ...pairs.map(([pair, n]) => [pair, `${pair} (${n})`])]);
  fill($("filter-decision"), [["", "all"], ["open", "not answered"], ...Object.entries(WORDS)]);
  showGrid();
}

function fill(select, options) {
  const before = select.value;
  select.replaceChildren(...options.map(([value, text]) => make("option", { value }, text)));
  select.value = options.some(([value]) => value === before) ? before : "";
}

function filtered() {
  const [pair, decision] = [$("filter-pair").value, $("filter-decision").value];
  return state.rows.filter((row) => {
    const said = state.decided.get(row.id)?.decision ?? "open";
    return (!pair || pairOf(row) === pair) && (!decision || said === decision);
  });
}

function showGrid() {
  const rows = filtered();
  const withPictures = state.item ? state.item.picture : DATA.rows ? DATA.items[DATA.rows[0]?.id]?.picture : true;
  $("grid").replaceChildren(...rows.slice(0, state.shown).map((row) => {
    const said = state.decided.get(row.id);
    const button = make("button", { type: "button", "data-id": row.id, "aria-pressed": String(state.selected.has(row.id)) },
      ...(withPictures ? [make("img", { src: store.picture(row.id) ?? "", alt: "", loading: "lazy" })] : []),
      make("span", {}, row.id), make("span", {}, pairOf(row)), make("span", { class: "mark" }, said ? `✓ ${worded(said)}` : "○ not answered"));
    return make("li", {}, button);
  }));
  $("more").hidden = rows.length <= state.shown;
  $("selected-count").textContent = `${state.selected.size} selected`;
}

function select(event) {
  const button = event.target.closest("[data-id]");
  if (!button) return;
  const ids = filtered().map((row) => row.id);
  const id = button.dataset.id;
  if (event.shiftKey && state.anchor !== null) {
    const [from, to] = [ids.indexOf(state.anchor), ids.indexOf(id)].sort((a, b) => a - b);
    for (const each of ids.slice(Math.max(from, 0), to + 1)) state.selected.add(each);
  } else if (!state.selected.delete(id)) state.selected.add(id);
  state.anchor = id;
  for (const each of $("grid").querySelectorAll("[data-id]")) each.setAttribute("aria-pressed", String(state.selected.has(each.dataset.id)));
  $("selected-count").textContent = `${state.selected.size} selected`;
}

async function decideSelected(what) {
  if (state.busy || !state.selected.size) return;
  state.busy = true;
  $("bulk-problem").textContent = "";
  let done = 0;
  try {
    for (const id of [...state.selected]) {
      const row = state.rows[state.place.get(id)];
      const answer = answerOf(id, row.given, row.suggested, what);
      await store.decide(answer);
      state.decided.delete(id);
      state.decided.set(id, answer);
      state.selected.delete(id);
      done += 1;
    }
    say(`${done} answered. Saved.`);
    saved(true);
  } catch (problem) {
    $("bulk-problem").textContent = `${done} saved, then not: ${problem.message}`;
    saved(false);
  } finally {
    state.busy = false;
    showFoot();
    showGrid();
  }
}

// ---- Where two people differ.

async function showDifferences() {
  let cases;
  try {
    cases = await store.differences();
  } catch (problem) {
    $("adjudicate-note").textContent = problem.message;
    return;
  }
  const open = cases.filter((each) => !each.settled).length;
  $("differences").textContent = open ? `(${open})` : "";
  $("adjudicate-note").textContent = cases.length
    ? `${cases.length} rows were answered differently; ${open} are to be settled. What you choose here stands above both.`
    : "Nobody differs on any row that two people answered.";
  $("cases").replaceChildren(...cases.map(differing));
}

function differing(each) {
  const given = Object.values(each.answers)[0].given;
  const options = new Map(Object.values(each.answers).map((said) => [`${said.decision}:${said.label ?? ""}`, said]));
  const buttons = [...options.values()].map((said) => {
    const button = make("button", { type: "button" }, said.decision === "keep" ? `Keep ${given}` : said.decision === "relabel" ? `It is ${said.label}` : WORDS[said.decision]);
    button.setAttribute("aria-pressed", String(each.settled?.decision === said.decision && (each.settled?.label ?? null) === (said.label ?? null)));
    button.addEventListener("click", async () => {
      try {
        await store.decide({ adjudicate: true, uuid: uuid(), id: each.id, given, decision: said.decision, label: said.label ?? null });
        say("Settled.");
        showDifferences();
      } catch (problem) {
        $("adjudicate-note").textContent = `Not saved: ${problem.message}`;
      }
    });
    return button;
  });
  const said = Object.entries(each.answers).map(([name, answer]) => make("p", {}, make("b", {}, name), `: ${worded(answer)}${answer.note ? ` (“${answer.note}”)` : ""}`));
  const picture = state.item?.picture ? [make("img", { src: store.picture(each.id), alt: `The picture ${each.id}`, loading: "lazy" })] : [];
  return make("div", { class: "case" }, make("h2", { class: "small" }, each.id), ...picture, make("p", {}, `given: ${given}`), ...said, make("p", { class: "actions" }, ...buttons));
}

// ---- The result.

async function showDone() {
  if (store.offline) {
    $("export").textContent = "Download my answers";
    $("result").replaceChildren(make("p", { class: "big" }, `${state.decided.size} of ${state.rows.length} rows answered.`),
      make("p", {}, "Send the file to whoever sent you this page: earlylearn review RUN --import FILE reads it."));
    return;
  }
  $("export").textContent = "Write the corrections";
  let found;
  try {
    found = await store.summary();
  } catch (problem) {
    $("result").replaceChildren(make("p", { class: "problem" }, problem.message));
    return;
  }
  const { flagged, unflagged } = found.probe;
  const lines = [];
  if (flagged.looked_at) {
    lines.push(make("p", { class: "big" }, `Of the ${flagged.of} flagged labels, between ${percent(flagged.low)} and ${percent(flagged.high)} are wrong (${flagged.rows_low} to ${flagged.rows_high} rows; 95 % sure, from ${flagged.looked_at} of them drawn at random${flagged.unsure ? `, ${flagged.unsure} of which could not be told` : ""}).`));
  } else lines.push(make("p", { class: "big" }, "How many of the flags are right is not known yet: none of the rows drawn at random has been answered."));
  if (unflagged.looked_at) lines.push(make("p", {}, `Of the ${unflagged.of} labels that were not flagged, between ${percent(unflagged.low)} and ${percent(unflagged.high)} are wrong (from ${unflagged.looked_at} drawn at random).`));
  lines.push(make("p", {}, `Probably ${found.remaining.low} to ${found.remaining.high} wrong labels remain among the ${found.rows - found.looked_at} rows that nobody looked at. ${found.remaining.stop ? "You may stop" : "Go on"}: ${found.remaining.why}.`));
  lines.push(make("p", { class: "note" }, "Read these figures once, at the end: who looks after every answer and stops at a good one reads them too narrow."));
  lines.push(table(["answers", "rows"], Object.entries(found.counts).map(([name, n]) => [WORDS[name], n])));
  if (found.per_class.length) lines.push(table(["given label", "looked at", "wrong"], found.per_class.map((each) => [each.name, each.looked_at, each.wrong])));
  if (Object.keys(found.reviewers).length > 1) {
    const agreement = found.agreement === null ? "" : ` Agreement beyond chance (kappa): ${found.agreement.toFixed(2)}.`;
    lines.push(make("p", {}, `${Object.entries(found.reviewers).map(([name, n]) => `${name} answered ${n}`).join(", ")}; ${found.disagreements} differ, ${found.unsettled} of these are not settled.${agreement}`));
  }
  $("result").replaceChildren(...lines);
}

function table(head, rows) {
  return make("table", {}, make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((cell) => make("td", {}, String(cell)))))));
}

async function write() {
  $("export-problem").textContent = "";
  if (store.offline) {
    const text = local.lines().map((line) => JSON.stringify(line)).join("\n") + "\n";
    const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "application/jsonl" })), download: `${state.who}.jsonl` });
    link.click();
    URL.revokeObjectURL(link.href);
    return;
  }
  try {
    const { path, rows } = await store.write();
    $("next").replaceChildren(make("p", {}, `${rows} rows are in `, make("code", {}, path), "."),
      make("p", {}, "A corrected copy of the data: ", make("code", {}, `earlylearn apply ${DATA.run} --out corrected`)),
      make("p", {}, "The same data trained again with these labels: ", make("code", {}, `earlylearn train DATA --corrections ${path}`)));
    say("The corrections are written.");
  } catch (problem) {
    $("export-problem").textContent = problem.message;
  }
}

// ---- Keys, clicks, swipes.

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  const typing = event.target.matches("input, select, textarea");
  if (typing) {
    if (event.key === "Escape") event.target.blur();
    if (event.target === $("search") && event.key === "Enter") {
      event.preventDefault();
      const first = $("classes").querySelector("[data-class]");
      if (first) decide(`class:${first.dataset.class}`);
    }
    if (event.target === $("note") && event.key === "Enter") event.target.blur();
    return;
  }
  if (state.screen === "start") return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key === "?") { event.preventDefault(); $("help").showModal(); return; }
  if (key === "g") { show(state.screen === "overview" ? "review" : "overview"); return; }
  if (key === "z") { undo(); return; }
  const onButton = event.target.matches("button, a, summary");
  const what = { k: "keep", u: "unsure", x: "exclude", Enter: onButton ? undefined : "accept" }[key];
  if (state.screen === "overview") {
    if (what) { event.preventDefault(); decideSelected(what); }
    return;
  }
  if (state.screen !== "review") return;
  if (what) { event.preventDefault(); decide(what); }
  else if (/^[1-9]$/.test(key)) {
    const name = state.item?.classes[Number(key) - 1];
    if (name !== undefined) decide(`class:${name}`);
  } else if (key === "n") { event.preventDefault(); $("note").focus(); }
  else if (key === "ArrowLeft") move(-1);
  else if (key === "ArrowRight") move(1);
}

let touched = null;
function onTouch(event) {
  const point = event.changedTouches[0];
  if (event.type === "touchstart") { touched = { x: point.clientX, y: point.clientY }; return; }
  if (!touched || state.screen !== "review") return;
  const [dx, dy] = [point.clientX - touched.x, point.clientY - touched.y];
  touched = null;
  if (Math.abs(dx) > 90 && Math.abs(dx) > 2 * Math.abs(dy)) decide(dx > 0 ? "keep" : "accept");
}

document.addEventListener("keydown", onKey);
document.querySelector(".original").addEventListener("touchstart", onTouch, { passive: true });
document.querySelector(".original").addEventListener("touchend", onTouch, { passive: true });
$("start-form").addEventListener("submit", begin);
$("help-button").addEventListener("click", () => $("help").showModal());
$("back").addEventListener("click", () => move(-1));
$("forward").addEventListener("click", () => move(1));
$("undo").addEventListener("click", undo);
$("export").addEventListener("click", write);
$("more").addEventListener("click", () => { state.shown += PAGE; showGrid(); });
$("grid").addEventListener("click", select);
$("classes").addEventListener("click", (event) => {
  const button = event.target.closest("[data-class]");
  if (button) decide(`class:${button.dataset.class}`);
});
$("search").addEventListener("input", () => {
  const wanted = $("search").value.toLowerCase();
  const found = state.item.classes.filter((name) => name.toLowerCase().includes(wanted));
  showClasses(wanted ? found.slice(0, 20) : state.item.classes.slice(0, 9), !wanted);
});
for (const button of document.querySelectorAll("[data-answer]")) button.addEventListener("click", () => decide(button.dataset.answer));
for (const button of document.querySelectorAll("[data-bulk]")) button.addEventListener("click", () => decideSelected(button.dataset.bulk));
for (const button of document.querySelectorAll("[data-screen]")) button.addEventListener("click", () => show(button.dataset.screen));
for (const id of ["filter-pair", "filter-decision"]) $(id).addEventListener("change", () => { state.shown = PAGE; showGrid(); });

$("start-lead").textContent = `${DATA.count} labels, about ${Math.max(1, Math.round((DATA.count * SECONDS) / 60))} minutes.`;
$("reviewer").value = DATA.reviewer ?? "";
$("others-line").hidden = store.offline;
