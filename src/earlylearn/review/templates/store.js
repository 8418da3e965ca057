// Where do the rows of a review come from, and where do answers go: to the server, or into the browser of a colleague?
"use strict";

const DATA = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const SECONDS = 8; // a label takes, until this person's own answers say
const PAGE = 120; // rows of the overview shown at a time
const ANSWERS = { unsure: "Cannot tell", exclude: "No class fits" };
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
      throw new SaveError("the program earlylearn review does not answer. Start it again and open the address that it prints: all answers up to this row are kept");
    }
    const document_ = await answer.json().catch(() => ({ error: `the program answered ${answer.status}` }));
    if (answer.status === 403) throw new SaveError("the program earlylearn review was started again. Open the address that it printed then: all answers up to this row are kept");
    if (!answer.ok) throw new SaveError(document_.error);
    return document_;
  },
  queue: (who) => server.call(`/api/queue?reviewer=${encodeURIComponent(who)}&${state.rowsWanted}`),
  item: (id) => server.call(`/api/item/${encodeURIComponent(id)}?reviewer=${encodeURIComponent(state.who)}&others=${state.others ? 1 : 0}`),
  picture: (id) => `/img/${encodeURIComponent(id)}?t=${encodeURIComponent(DATA.token)}`,
  decide: (answer) => server.call("/api/decision", answer),
  undo: (uuid, id) => server.call("/api/undo", { uuid, reviewer: state.who, undoes: id }),
  summary: () => server.call(`/api/summary?${state.rowsWanted}`),
  brief: (ids) => server.call("/api/brief", { ids }),
  said: () => server.call(`/api/said?reviewer=${encodeURIComponent(state.who)}`),
  differences: () => server.call("/api/adjudicate"),
  more: () => server.call("/api/more", {}),
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
  brief: async (ids) => Object.fromEntries(ids.map((id) => [id, cut(DATA.items[id].cells.map(([name, value]) => `${name}: ${value}`).join(" · "))])),
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
  who: "", others: false, rowsWanted: "", rows: [], place: new Map(), decided: new Map(), at: 0, item: null, seen: 0, busy: false,
  screen: "start", ahead: new Map(), times: [], selected: new Set(), anchor: null, shown: PAGE, brief: new Map(), said: {},
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
const cut = (text) => (text.length > 240 ? `${text.slice(0, 236)} ...` : text);
const minutes = (seconds) => { const n = Math.max(1, Math.round(seconds / 60)); return n === 1 ? "1 minute" : `${n} minutes`; };
const percent = (share) => `${Math.round(100 * share)}%`;
/** Of what is never quite certain. */
const nearly = (share) => (share > 0.99 ? "more than 99%" : share < 0.01 ? "less than 1%" : percent(share));

/** Which key gives which class: the class's own digit where all classes are digits, else 1 to 9, the most probable first. */
const DIGITS = DATA.classes.length > 0 && DATA.classes.every((name) => /^[0-9]$/.test(name));
const shortcuts = (names) => (DIGITS ? names.map((name) => [name, name]) : names.slice(0, 9).map((name, k) => [name, String(k + 1)]));

function worded(decision) {
  return decision.decision === "relabel" ? decision.label : WORDS[decision.decision];
}
