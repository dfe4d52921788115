// The matrix: a row for each case over a transport, a column for each subject, a button for each run.

const matrix = document.getElementById("matrix");

/** The groups of rows, one an area. */
const groups = [];

/** The button of a run. */
function chip(run) {
  const who = run.client === "raw" ? "" : ` with ${run.client}`;
  const spoken = `${run.status}${run.fine ? "" : ", not as expected"}: ${run.row.name}${who} on ${report.subjects[run.subject]}, ${seconds(run.took)}`;
  run.chip = h(
    "button",
    {
      type: "button",
      tabindex: "-1",
      "class": `chip ${run.status}${run.fine ? "" : " surprise"}`,
      "aria-label": spoken,
      onclick: () => (location.hash = link(run.row, run.client, run.subject)),
    },
    h("span", { "class": "sign", "aria-hidden": "true" }, SIGNS[run.status]),
    h("span", { "class": "status" }, run.fine ? run.status : `${run.status}!`),
    h("span", { "class": `client ${run.client}` }, run.client),
    run.status !== "skip" && h("span", { "class": "took" }, seconds(run.took)),
  );
  return run.chip;
}

/** How many runs a cell may have before those with one result share its word. */
const FEW = 4;

/** The buttons of a cell. */
function chips(runs) {
  if (runs.length === 0) return h("div", { "class": "chips" }, h("span", { "class": "none" }, "not run"));
  if (runs.length <= FEW) return h("div", { "class": "chips" }, runs.map(chip));
  const word = (run) => (run.fine ? run.status : `${run.status}!`);
  return [...new Set(runs.map(word))].map((result) => {
    const own = runs.filter((run) => word(run) === result);
    const sign = `${SIGNS[own[0].status]} ${result}`;
    return h("div", { "class": "chips crowd" }, h("span", { "class": `result ${own[0].status}` }, sign), own.map(chip));
  });
}

function drawRow(row, first) {
  const name = h("a", { href: link(row), tabindex: "-1" }, breakable(row.name));
  row.element = h(
    "div",
    { "class": "case", role: "row" },
    h("div", { "class": "name", role: "rowheader" }, name, first && h("p", { "class": "sentence muted" }, row.about.sentence)),
    row.subjects.map((runs, i) =>
      h(
        "div",
        { "class": "cell", role: "gridcell", "data-subject": report.subjects[i] },
        chips(runs),
      ),
    ),
  );
  const said = row.subjects.flat().flatMap((run) => [run.client, run.known?.reason, run.found?.expected, run.found?.seen, run.detail]);
  row.haystack = [...new Set([row.name, row.about.sentence, row.about.source, ...said])].join("\n").toLowerCase();
  return row.element;
}

/** How many runs of an area have each result, for one subject. */
function tally(runs) {
  const counts = Object.keys(SIGNS).map((status) => [status, runs.filter((run) => run.status === status).length]);
  const surprises = runs.filter((run) => !run.fine).length;
  const words = counts.filter(([, count]) => count > 0).map(([status, count]) => [SIGNS[status], count, status].join("\u00a0"));
  return words.join("  ") + (surprises > 0 ? `  !\u00a0${surprises}\u00a0not\u00a0as\u00a0expected` : "");
}

function drawGroup(name) {
  const own = rows.filter((row) => row.area === name);
  const button = h(
    "button",
    { type: "button", tabindex: "-1", "aria-expanded": "true", onclick: () => fold(group, !group.folded) },
    h("span", { "class": "fold", "aria-hidden": "true" }),
    name,
  );
  const sums = report.subjects.map((subject, i) =>
    h("div", { "class": "sum", role: "gridcell", "data-subject": subject }, tally(own.flatMap((row) => row.subjects[i]))),
  );
  const seen = new Set();
  const isFirst = (row) => !seen.has(row.about) && seen.add(row.about);
  const drawn = own.map((row) => drawRow(row, isFirst(row)));
  const element = h(
    "div",
    { "class": "group", role: "rowgroup", "--rows": own.length },
    h("div", { "class": "area", role: "row" }, h("div", { role: "rowheader", "class": "area-name" }, button), sums),
    drawn,
  );
  const group = { name, element, button, rows: own, folded: false };
  return group;
}

function fold(group, folded) {
  group.folded = folded;
  group.element.classList.toggle("folded", folded);
  group.button.setAttribute("aria-expanded", String(!folded));
}

function drawMatrix() {
  const columns = h(
    "div",
    { "class": "columns", role: "row" },
    h("div", { role: "columnheader" }, "case"),
    report.subjects.map((subject) => h("div", { role: "columnheader" }, subject)),
  );
  for (const name of new Set(rows.map((row) => row.area))) groups.push(drawGroup(name));
  matrix.style.setProperty("--subjects", report.subjects.length);
  matrix.replaceChildren(columns, ...groups.map((group) => group.element));
  const first = matrix.querySelector("button, a");
  if (first) first.tabIndex = 0;
}

/** Whether a row is left by the filter. */
function isLeft(row, { words, status, area, client, over }) {
  if (area && row.area !== area) return false;
  if (over && row.over !== over) return false;
  if (!words.every((word) => row.haystack.includes(word))) return false;
  const runs = row.subjects.flat().filter((run) => !client || run.client === client);
  if (status === "differs") {
    return runs.some((run) => runs.some((other) => other.client === run.client && other.status !== run.status));
  }
  if (status === "surprise") return runs.some((run) => !run.fine);
  return runs.some((run) => !status || run.status === status);
}

/** Shows the rows that a filter leaves; how many runs they have. */
function filterMatrix(filter) {
  let left = 0;
  for (const group of groups) {
    let any = false;
    for (const row of group.rows) {
      const isIn = isLeft(row, filter);
      row.element.hidden = !isIn;
      any ||= isIn;
      for (const run of row.subjects.flat()) {
        run.chip.hidden = Boolean(filter.client) && run.client !== filter.client;
        if (isIn && !run.chip.hidden) left += 1;
      }
      for (const crowd of row.element.querySelectorAll(".crowd")) {
        crowd.hidden = !crowd.querySelector(".chip:not([hidden])");
      }
    }
    group.element.hidden = !any;
  }
  const current = matrix.querySelector('[tabindex="0"]');
  if (!current || !reachable().includes(current)) makeCurrent(reachable()[0]);
  return left;
}

/** The rows that can be seen, areas among them, from top to bottom. */
const seenRows = () => [
  ...matrix.querySelectorAll(".group:not([hidden]) > .area, .group:not([hidden]):not(.folded) > .case:not([hidden])"),
];

/** What can be gone to in a row, by cell. */
const stops = (row) =>
  [...row.children].map((cell) => [...cell.querySelectorAll("button, a")].filter((stop) => !stop.hidden));

const reachable = () => seenRows().flatMap((row) => stops(row).flat());

/** The one element of the matrix that the tab key goes to. */
function makeCurrent(element) {
  for (const other of matrix.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
  if (element) element.tabIndex = 0;
}

/** The next row with the case at hand left out, or the one before. */
function neighbour(row, by) {
  const left = groups.flatMap((group) => group.rows.filter((other) => !other.element.hidden));
  return left[left.indexOf(row) + by];
}

/** Where the focus goes when a dialog closes: to the run that it showed. */
function chipOf(row, client, from) {
  const group = groups.find((group) => group.rows.includes(row));
  if (row.element.hidden || group.element.hidden) return undefined;
  fold(group, false);
  const chips = row.subjects.flat().filter((run) => run.client === client && !run.chip.hidden).map((run) => run.chip);
  return chips.includes(from) ? from : row.element.contains(from) ? from : chips[0];
}

/** Where a key leads from an element of the matrix. */
function target(from, key, all) {
  const row = from.closest("[role=row]");
  const cells = stops(row);
  const cell = cells.findIndex((stops) => stops.includes(from));
  const flat = cells.flat();
  const at = flat.indexOf(from);
  const list = seenRows();
  const to = (other) => {
    const cells = other && stops(other);
    if (!cells) return undefined;
    matrix.wanted ??= { cell, place: cells[cell]?.length ? stops(row)[cell].indexOf(from) : 0 };
    const { cell: wanted, place } = matrix.wanted;
    const there = cells[wanted]?.length ? cells[wanted] : cells.find((stops) => stops.length > 0);
    return there?.[Math.min(place, there.length - 1)];
  };
  if (key !== "ArrowUp" && key !== "ArrowDown") matrix.wanted = undefined;
  switch (key) {
    case "ArrowRight":
      return flat[at + 1];
    case "ArrowLeft":
      return flat[at - 1];
    case "ArrowDown":
      return to(list[list.indexOf(row) + 1]);
    case "ArrowUp":
      return to(list[list.indexOf(row) - 1]);
    case "Home":
      return all ? reachable()[0] : flat[0];
    case "End":
      return all ? reachable().at(-1) : flat.at(-1);
    default:
      return undefined;
  }
}

matrix.addEventListener("keydown", (press) => {
  const from = press.target.closest("button, a");
  if (!from || press.altKey || press.metaKey) return;
  const group = groups.find((group) => group.button === from);
  if (group && (press.key === "ArrowLeft" || press.key === "ArrowRight")) {
    fold(group, press.key === "ArrowLeft");
    press.preventDefault();
    return;
  }
  const keys = ["ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp", "Home", "End"];
  if (!keys.includes(press.key)) return;
  press.preventDefault();
  target(from, press.key, press.ctrlKey)?.focus();
});

matrix.addEventListener("focusin", (focus) => {
  if (focus.target !== matrix) makeCurrent(focus.target);
  else matrix.querySelector('[tabindex="0"]')?.focus();
});

matrix.addEventListener("pointerdown", () => (matrix.wanted = undefined));
