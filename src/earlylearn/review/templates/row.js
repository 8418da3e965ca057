// How is one row shown and answered, each answer saved before the next row?

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
  state.rowsWanted = $("queue").value;
  try {
    state.who = $("reviewer").value.trim();
    await takeQueue();
    $("who").textContent = `· ${state.who}`;
    $("screens").hidden = false;
    document.querySelector('[data-screen="adjudicate"]').hidden = store.offline;
    state.at = firstOpen();
    show(state.at === null ? "done" : "review");
  } catch (problem) {
    $("start-problem").textContent = problem.message;
  }
}

/** The rows to look at, and what this person said of them; in cleaning to a share there are more as answers come in. */
async function takeQueue() {
  const queue = await store.queue(state.who);
  state.who = queue.reviewer;
  state.rows = queue.rows;
  state.place = new Map(queue.rows.map((row, k) => [row.id, k]));
  state.decided = new Map(Object.entries(queue.decided));
  $("stage").textContent = queue.stage ?? "";
  $("stage").hidden = !queue.stage;
}

function firstOpen(after = -1) {
  const open = (k) => !state.decided.has(state.rows[k].id);
  for (let k = after + 1; k < state.rows.length; k += 1) if (open(k)) return k;
  for (let k = 0; k <= after && k < state.rows.length; k += 1) if (open(k)) return k;
  return null;
}

// ---- One row.

/** While an answer is being saved no key counts: it would answer a row that nobody has seen yet. */
function busy(on) {
  state.busy = on;
  document.body.setAttribute("aria-busy", String(on));
}

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
  $("cells").replaceChildren(...cellsOf(item));
  for (const [id, text] of [["given", item.given], ["suggested", item.suggested], ["like-given-name", item.given],
    ["like-suggested-name", item.suggested]]) $(id).textContent = text;
  $("accept").replaceChildren(`It is ${item.suggested} `, make("kbd", {}, "Enter"));
  $("keep").replaceChildren(`Keep ${item.given} `, make("kbd", {}, "k"));
  const others = Object.entries(item.others ?? {});
  $("others-said").hidden = !others.length;
  $("others-said").textContent = others.map(([name, each]) => `${name}: ${worded(each)}`).join(" · ");
  showClasses(shortcuts(item.classes));
  $("search-line").hidden = item.classes.length <= shortcuts(item.classes).length;
  $("search").value = "";
  for (const side of ["given", "suggested"]) $(`like-${side}`).replaceChildren(...item[`like_${side}`].map((row) => alike(row, item)));
  const before = state.decided.get(item.id);
  $("note").value = before?.note ?? "";
  mark(before);
  showDoubt(before, item);
  showFoot();
  itemOf(k + 1)?.then((next) => { if (next?.picture) new Image().src = store.picture(next.id); }).catch(() => {});
}

/** How sure the model is, once the row is answered: before, it would sway the answer and tell which rows were drawn at random. */
function showDoubt(before, item) {
  $("doubt").hidden = !before || (item.confidence === null && !item.reason);
  $("reason").textContent = item.reason;
  $("meter").hidden = item.confidence === null;
  $("meter-text").textContent = `Probability that the given label is wrong, by the model: ${nearly(item.confidence ?? 0)}`;
  $("confidence").value = item.confidence ?? 0;
}

function showPicture(item) {
  $("picture").classList.remove("full");
  if (!item.picture) {
    $("picture").replaceChildren();
    return;
  }
  const image = make("img", { src: store.picture(item.id), alt: `The picture ${item.id}`, width: 480, draggable: "false" });
  const button = make("button", { type: "button", "aria-label": "Show at full size, or fitted again" }, image);
  button.addEventListener("click", () => $("picture").classList.toggle("full"));
  $("picture").replaceChildren(button);
}

function alike(row, item) {
  const text = row.text || row.id;
  if (!item.picture) return make("li", {}, text);
  return make("li", {}, make("img", { src: store.picture(row.id), alt: text, loading: "lazy" }));
}

/** A button for each class, with its key where it has one. */
function showClasses(named) {
  const before = state.decided.get(state.item.id);
  $("no-class").hidden = named.length > 0;
  $("classes").replaceChildren(...named.map(([name, key]) => {
    const button = make("button", { type: "button", "data-class": name }, name, ...(key ? [" ", make("kbd", {}, key)] : []));
    if (before?.decision === "relabel" && before.label === name) button.setAttribute("aria-pressed", "true");
    return button;
  }));
}

function mark(before) {
  const pressed = before && { keep: "keep", unsure: "unsure", exclude: "exclude", relabel: before.label === state.item.suggested ? "accept" : "" }[before.decision];
  for (const button of document.querySelectorAll("[data-answer]")) button.setAttribute("aria-pressed", String(button.dataset.answer === pressed));
}

function showFoot() {
  const done = state.rows.filter((row) => state.decided.has(row.id)).length;
  $("progress").max = Math.max(state.rows.length, 1);
  $("progress").value = done;
  $("counter").textContent = `${done} of ${state.rows.length} answered`;
  const times = state.times.slice(-30).sort((a, b) => a - b);
  const each = times.length >= 5 ? times[times.length >> 1] / 1000 : SECONDS;
  $("left").textContent = done < state.rows.length ? `about ${minutes((state.rows.length - done) * each)} left` : "all answered";
}

// ---- Answers.

function answerOf(id, given, suggested, what) {
  const label = what === "accept" ? suggested : what.startsWith("class:") ? what.slice(6) : null;
  const decision = label === null ? what : label === given ? "keep" : "relabel";
  return { reviewer: state.who, uuid: uuid(), id, given, decision, label: decision === "relabel" ? label : null };
}

async function decide(what) {
  if (state.busy || !state.item) return;
  busy(true);
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
    let next = firstOpen(state.at);
    if (next === null && state.rowsWanted.startsWith("clean")) {
      await takeQueue();
      next = firstOpen();
      if (next !== null) say(`${worded(answer)}. Saved. ${$("stage").textContent}`);
    }
    showFoot();
    if (next === null) show("done");
    else {
      state.at = next;
      await showRow();
      window.scrollTo(0, 0);
      $("row-title").focus({ preventScroll: true });
    }
  } catch (problem) {
    saved(false);
    $("problem").textContent = `Not saved: ${problem.message}`;
    say("Not saved.");
  } finally {
    busy(false);
  }
}

function saved(well) {
  $("saved").classList.toggle("bad", !well);
  $("saved").textContent = well ? "saved ✓" : "not saved ✗";
}

async function undo() {
  if (state.busy) return;
  busy(true);
  try {
    const { undone } = await store.undo(uuid(), null);
    if (undone) {
      await takeQueue();
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
    busy(false);
  }
}

function move(by) {
  if (state.at === null) return;
  state.at = Math.min(Math.max(state.at + by, 0), state.rows.length - 1);
  showRow();
}
