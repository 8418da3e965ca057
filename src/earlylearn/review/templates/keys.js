// Which key, click or swipe does what? Loaded last: it begins the page.

// ---- Keys, clicks, swipes.

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  const typing = event.target.matches("input, select, textarea");
  if (typing) {
    if (event.key === "Escape") event.target.blur();
    if (event.target === $("search") && event.key === "Enter") {
      event.preventDefault();
      const first = $("search").value.trim() && $("classes").querySelector("[data-class]");
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
  else if (/^[0-9]$/.test(key)) {
    const found = shortcuts(state.item?.classes ?? []).find(([, digit]) => digit === key);
    if (found) decide(`class:${found[0]}`);
    else say(`The key ${key} is no class here.`);
  } else if ((key === "c" || key === "/") && !$("search-line").hidden) { event.preventDefault(); $("search").focus(); }
  else if (key === "n") { event.preventDefault(); $("note").focus(); }
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
$("lengthen").addEventListener("click", lengthen);
$("more").addEventListener("click", () => { state.shown += PAGE; showGrid(); });
$("grid").addEventListener("click", select);
$("classes").addEventListener("click", (event) => {
  const button = event.target.closest("[data-class]");
  if (button) decide(`class:${button.dataset.class}`);
});
$("search").addEventListener("input", () => {
  const wanted = $("search").value.toLowerCase();
  const found = state.item.classes.filter((name) => name.toLowerCase().includes(wanted));
  showClasses(wanted ? found.slice(0, 20).map((name) => [name, ""]) : shortcuts(state.item.classes));
});
for (const button of document.querySelectorAll("[data-answer]")) button.addEventListener("click", () => decide(button.dataset.answer));
for (const button of document.querySelectorAll("[data-bulk]")) button.addEventListener("click", () => decideSelected(button.dataset.bulk));
for (const button of document.querySelectorAll("[data-screen]")) button.addEventListener("click", () => show(button.dataset.screen));
$("bulk-class").addEventListener("change", () => { const name = $("bulk-class").value; $("bulk-class").value = ""; if (name) decideSelected(`class:${name.slice(1)}`); });
for (const id of ["filter-pair", "filter-decision", "filter-said"]) $(id).addEventListener("change", () => { state.shown = PAGE; showGrid(); });

function showLead() {
  const wanted = $("queue").selectedOptions[0];
  const count = Number(wanted?.dataset.count ?? DATA.count);
  $("start-lead").textContent = $("queue").value.startsWith("clean")
    ? "How many labels you must look at is known after a first part, which is drawn at random."
    : `${count} ${count === 1 ? "label" : "labels"}, about ${minutes(count * SECONDS)}.`;
}
$("reviewer").value = DATA.reviewer ?? "";
$("others-line").hidden = store.offline;
$("send-back").hidden = !store.offline;
$("queue-line").hidden = store.offline;
for (const share of new Set([1, 2, 5, 10, ...(DATA.clean ? [DATA.clean] : [])])) {
  $("queue").append(make("option", { value: `clean=${share}` }, `until at most ${share}% of all labels are wrong`));
}
$("queue").append(make("option", { value: "random=1", "data-count": String(DATA.sample) }, `${DATA.sample} drawn at random from all: how many labels are wrong?`));
for (const [given, suggested, n] of DATA.pairs ?? []) {
  $("queue").append(make("option", { value: `pair=${given}-${suggested}`, "data-count": String(n) }, `only ${DATA.classes[given]} → ${DATA.classes[suggested]} (${n})`));
}
$("queue").value = DATA.clean ? `clean=${DATA.clean}` : "";
$("queue").addEventListener("change", showLead);
showLead();
$("class-keys").textContent = DIGITS ? "the class of that digit" : "another class, the most probable first; the button has its key";
