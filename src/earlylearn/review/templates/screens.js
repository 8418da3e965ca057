// What is there beside the row: the overview, where two people differ, the result?

// ---- The overview.

function pairOf(row) {
  return `${row.given} → ${row.suggested}`;
}

async function showOverview() {
  const counts = new Map();
  for (const row of state.rows) counts.set(pairOf(row), (counts.get(pairOf(row)) ?? 0) + 1);
  const pairs = [...counts].sort((a, b) => b[1] - a[1]);
  fill($("filter-pair"), [["", `all (${state.rows.length})`], ...pairs.map(([pair, n]) => [pair, `${pair} (${n})`])]);
  fill($("filter-decision"), [["", "all"], ["open", "not answered"], ...Object.entries(WORDS)]);
  fill($("bulk-class"), [["", "All of them are ..."], ...DATA.classes.map((name) => [`=${name}`, name])]);
  $("said-line").hidden = !state.others;
  if (state.others) await takeOthers();
  showGrid();
}

/** What others answered, for whoever asked to see it. */
async function takeOthers() {
  try {
    state.said = await store.said();
  } catch (problem) {
    $("bulk-problem").textContent = problem.message;
  }
  fill($("filter-said"), [["", "all"], ["differ", "people differ"], ...Object.keys(state.said).map((name) => [`by ${name}`, `answered by ${name}`])]);
}

function answersOf(id) {
  return [...Object.values(state.said).map((each) => each[id]), state.decided.get(id)].filter(Boolean);
}

function fill(select, options) {
  const before = select.value;
  select.replaceChildren(...options.map(([value, text]) => make("option", { value }, text)));
  select.value = options.some(([value]) => value === before) ? before : "";
}

function filtered() {
  const [pair, decision, said_] = [$("filter-pair").value, $("filter-decision").value, $("filter-said").value];
  return state.rows.filter((row) => {
    const said = state.decided.get(row.id)?.decision ?? "open";
    return (!pair || pairOf(row) === pair) && (!decision || said === decision)
      && (!said_ || (said_ === "differ" ? new Set(answersOf(row.id).map(worded)).size > 1 : Boolean(state.said[said_.slice(3)]?.[row.id])));
  });
}

function showGrid() {
  const rows = filtered();
  const withPictures = state.item ? state.item.picture : DATA.rows ? DATA.items[DATA.rows[0]?.id]?.picture : true;
  const shown = rows.slice(0, state.shown);
  $("nothing").hidden = rows.length > 0;
  $("grid").replaceChildren(...shown.map((row) => {
    const said = state.decided.get(row.id);
    const button = make("button", { type: "button", "data-id": row.id, "aria-pressed": String(state.selected.has(row.id)) },
      ...(withPictures ? [make("img", { src: store.picture(row.id) ?? "", alt: "", loading: "lazy" })] : []),
      make("span", { class: "mark" }, row.id), make("span", { class: "brief" }, state.brief.get(row.id) ?? ""), make("b", {}, pairOf(row)),
      make("span", { class: "mark" }, said ? `✓ ${worded(said)}` : "○ not answered"));
    return make("li", {}, button);
  }));
  tellBriefly(shown.map((row) => row.id));
  $("more").hidden = rows.length <= state.shown;
  $("selected-count").textContent = `${state.selected.size} selected`;
}

/** The words of the rows that are shown, asked for when they are: of ten thousand rows at once they would take seconds. */
async function tellBriefly(ids) {
  const wanted = ids.filter((id) => !state.brief.has(id));
  for (let k = 0; k < wanted.length; k += PAGE) {
    const found = await store.brief(wanted.slice(k, k + PAGE)).catch(() => ({}));
    for (const [id, text] of Object.entries(found)) state.brief.set(id, text);
  }
  for (const button of $("grid").querySelectorAll("[data-id]")) {
    const place = button.querySelector(".brief");
    place.textContent = state.brief.get(button.dataset.id) ?? "";
    place.hidden = !place.textContent;
  }
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
  busy(true);
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
    busy(false);
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
  const first = cases.length ? await store.item(cases[0].id).catch(() => null) : null;
  const open = cases.filter((each) => !each.settled).length;
  $("differences").textContent = open ? `(${open})` : "";
  $("adjudicate-note").textContent = cases.length
    ? `${cases.length} rows were answered differently; ${open} are to be settled. What you choose here stands above their answers.`
    : "Nobody differs on any row that two people answered.";
  $("cases").replaceChildren(...cases.map((each) => differing(each, first?.picture)));
}

function differing(each, withPicture) {
  const given = Object.values(each.answers)[0].given;
  const options = new Map(Object.values(each.answers).map((said) => [`${said.decision}:${said.label ?? ""}`, said]));
  const settled = each.settled && `${each.settled.decision}:${each.settled.label ?? ""}`;
  for (const decision of ["unsure", "exclude", ...(each.settled ? [each.settled.decision] : [])]) {
    const label = each.settled?.decision === decision ? each.settled.label ?? null : null;
    options.set(`${decision}:${label ?? ""}`, { decision, label });
  }
  const settle = async (decision, label) => {
    try {
      await store.decide({ adjudicate: true, uuid: uuid(), id: each.id, given, decision, label });
      say("Settled.");
      await showDifferences();
    } catch (problem) {
      $("adjudicate-note").textContent = `Not saved: ${problem.message}`;
    }
  };
  const buttons = [...options].map(([key, said]) => {
    const button = make("button", { type: "button" }, said.decision === "keep" ? `Keep ${given}` : said.decision === "relabel" ? `It is ${said.label}` : ANSWERS[said.decision]);
    button.setAttribute("aria-pressed", String(settled === key));
    button.addEventListener("click", () => settle(said.decision, said.label ?? null));
    return button;
  });
  const another = make("select", { "aria-label": `Another class for ${each.id}` }, make("option", { value: "" }, "Another class ..."), ...DATA.classes.map((name) => make("option", { value: `=${name}` }, name)));
  another.addEventListener("change", () => { if (another.value) settle(another.value.slice(1) === given ? "keep" : "relabel", another.value.slice(1) === given ? null : another.value.slice(1)); });
  const cells = make("dl", { class: "cells" });
  if (!withPicture) store.item(each.id).then((item) => cells.replaceChildren(...cellsOf(item))).catch(() => {});
  const said = Object.entries(each.answers).map(([name, answer]) => make("p", {}, make("b", {}, name), `: ${answer.decision === "keep" ? `kept ${given}` : worded(answer)}${answer.note ? ` (“${answer.note}”)` : ""}`));
  const picture = withPicture ? [make("img", { src: store.picture(each.id), alt: `The picture ${each.id}`, width: 160, loading: "lazy" })] : [];
  return make("div", { class: "case" }, make("h2", { class: "small" }, each.id), ...picture, cells, make("p", {}, `given: ${given}`), ...said, make("p", { class: "actions" }, ...buttons, another));
}

// ---- The result.

async function showDone() {
  if (store.offline) {
    $("export").textContent = "Download my answers";
    $("result").replaceChildren(make("p", { class: "big" }, `${state.decided.size} of ${state.rows.length} rows answered.`),
      make("p", {}, "Download your answers and send the file to whoever sent you this page."),
      make("p", { class: "note" }, "Whoever gets it: ", make("code", {}, `earlylearn review ${DATA.run} --import ${state.who}.jsonl`)));
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
  $("lengthen").hidden = Boolean(state.rowsWanted) || firstOpen() !== null || state.rows.length >= found.rows;
  const { flagged, unflagged, all } = found.probe;
  const lines = [];
  if (found.clean) lines.push(make("p", { class: "big" }, found.clean.line));
  if (all.looked_at) lines.push(make("p", { class: "big" }, `Of all ${all.of} labels, between ${percent(all.low)} and ${percent(all.high)} are wrong (${all.rows_low} to ${all.rows_high} rows; 95 % sure, from ${all.looked_at} drawn at random).`));
  if (flagged.looked_at) {
    lines.push(make("p", { class: "big" }, `Of the ${flagged.of} flagged labels, between ${percent(flagged.low)} and ${percent(flagged.high)} are wrong (${flagged.rows_low} to ${flagged.rows_high} rows; 95 % sure, from ${flagged.looked_at} of them drawn at random${flagged.unsure ? `, ${flagged.unsure} of which could not be told` : ""}).`));
  } else lines.push(make("p", { class: "big" }, "How many of the flags are right is not known yet: none of the rows drawn at random has been answered."));
  if (unflagged.looked_at) lines.push(make("p", {}, `Of the ${unflagged.of} labels that were not flagged, between ${percent(unflagged.low)} and ${percent(unflagged.high)} are wrong (from ${unflagged.looked_at} drawn at random).`));
  const rest = found.rows - found.looked_at;
  const range = found.remaining.low === found.remaining.high ? `${found.remaining.low}` : `${found.remaining.low} to ${found.remaining.high}`;
  lines.push(make("p", {}, rest
    ? `Probably ${range} wrong labels remain among the ${rest} rows that nobody looked at. ${found.remaining.stop ? "You may stop" : "Go on"}: ${found.remaining.why}.`
    : "Every row was looked at. What is wrong now is what was answered wrongly."));
  if (found.skipped) lines.push(make("p", {}, `${found.skipped} ${found.skipped === 1 ? "row was" : "rows were"} passed over. Answer them, if only with u: what is said of all rows stops before the first that was drawn at random and not answered.`));
  lines.push(make("p", { class: "note" }, "Read these figures once, at the end: who looks after every answer and stops at a good one reads them too narrow."));
  lines.push(table(["answers", "rows"], Object.entries(found.counts).map(([name, n]) => [WORDS[name], n])));
  if (found.per_class.length) lines.push(table(["given label", "looked at", "wrong"], found.per_class.map((each) => [each.name, each.looked_at, each.wrong])));
  if (Object.keys(found.reviewers).length > 1) {
    const agreement = found.agreement === null ? "" : ` Agreement beyond chance (kappa): ${found.agreement.toFixed(2)}.`;
    lines.push(make("p", {}, `${Object.entries(found.reviewers).map(([name, n]) => `${name} answered ${n}`).join(", ")}; ${found.disagreements} differ, ${found.unsettled} of these are not settled.${agreement}`));
  }
  $("result").replaceChildren(...lines);
}

/** The cells of a row, for a list of terms. */
function cellsOf(item) {
  return item.cells.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value || "–")]);
}

function table(head, rows) {
  return make("table", {}, make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((cell) => make("td", {}, String(cell)))))));
}

async function lengthen() {
  $("export-problem").textContent = "";
  try {
    const { rows } = await store.more();
    await takeQueue();
    state.at = firstOpen();
    if (rows) show("review");
    else $("export-problem").textContent = "There are no more flagged rows.";
  } catch (problem) {
    $("export-problem").textContent = problem.message;
  }
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
    const { path, rows, aside } = await store.write();
    $("next").replaceChildren(make("p", {}, `${rows} rows are in `, make("code", {}, path), "."),
      ...(aside ? [make("p", {}, "Somebody had changed that file by hand; that one is now ", make("code", {}, aside), ".")] : []),
      make("p", {}, "A corrected copy of the data: ", make("code", {}, `earlylearn apply ${DATA.run} --out corrected`)),
      make("p", {}, "Trained again with these labels: the command that you trained with, another ", make("code", {}, "--out"), ", and ", make("code", {}, `--corrections ${path}`), "; the report of the run has all of it, under What to do next."));
    say("The corrections are written.");
  } catch (problem) {
    $("export-problem").textContent = problem.message;
  }
}
