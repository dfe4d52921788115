// The dialog of a case: what must be true, and the same run on the subjects that are compared.

const dialog = document.getElementById("details");

/** What the dialog shows, and how; the choices stay from one case to the next. */
const shown = { row: undefined, client: "raw", subjects: new Set(), compressed: true, bytes: false, from: undefined };

/** The link to a run. */
function link(row, client, subject) {
  const parts = [row.name];
  if (client) parts.push(client);
  if (subject !== undefined) parts.push(report.subjects[subject]);
  return `#${parts.map(encodeURIComponent).join(":")}`;
}

/** What a link names: nothing if it is not about a case. */
function linked(hash) {
  let parts;
  try {
    parts = hash.slice(1).split(":").map(decodeURIComponent);
  } catch {
    return undefined;
  }
  const [name, client, subject] = parts;
  if (!name.includes(".")) return undefined;
  const at = report.subjects.indexOf(subject);
  return { name, row: rowByName.get(name) ?? rows.find((row) => row.about.id === name), client, subject: at < 0 ? undefined : at };
}

const runsOf = (row, client) => row.subjects.map((runs) => runs.find((run) => run.client === client));

const clientsOf = (row) => [...new Set(row.subjects.flat().map((run) => run.client))];

/** The subject that was asked for beside the one it is most told by: one with another result. */
function compared(row, client, asked) {
  const runs = runsOf(row, client);
  const there = [...runs.keys()].filter((i) => runs[i]);
  const last = there[there.length - 1];
  const first = asked !== undefined && runs[asked] ? asked : last;
  const differing = there.filter((i) => i !== first && runs[i].status !== runs[first].status);
  const ran = (i) => runs[i].status !== "skip";
  const rest = there.filter((i) => i !== first);
  const others = [differing.filter(ran), rest.filter(ran), rest].find((some) => some.length > 0) ?? [];
  const other = others.includes(last) ? last : others[others.length - 1];
  return new Set([first, other].filter((i) => i !== undefined));
}

/** Opens the dialog at what a link names. */
function openDetails({ name, row, client, subject }) {
  if (!row) {
    dialog.replaceChildren(head("No such case"), h("p", {}, `This report has no case ${name}.`));
  } else {
    const clients = clientsOf(row);
    shown.row = row;
    shown.client = clients.includes(client) ? client : clients[0];
    shown.subjects = compared(row, shown.client, subject);
    drawDetails();
  }
  if (!dialog.open) {
    shown.from = document.activeElement;
    dialog.showModal();
  }
  dialog.scrollTop = 0;
}

function closeDetails() {
  if (dialog.open) dialog.close();
}

function head(title, ...more) {
  const close = h("button", { type: "button", "class": "close", onclick: closeDetails }, "✕ Close");
  return h("div", { "class": "details-head" }, h("h2", { id: "details-title", tabindex: "-1" }, title), ...more, close);
}

/** Choices of which one or some are pressed. */
function choices(name, items) {
  return h(
    "div",
    { "class": "choices", role: "group", "aria-label": name },
    h("span", { "class": "muted", "aria-hidden": "true" }, name),
    items.map(({ words, pressed, choose }) =>
      h("button", { type: "button", "aria-pressed": String(pressed), onclick: choose }, words),
    ),
  );
}

/** A change of what is shown: drawn anew, with the focus where it was. */
function change(by) {
  const buttons = [...dialog.querySelectorAll("button")];
  const at = buttons.indexOf(document.activeElement);
  by();
  drawDetails();
  [...dialog.querySelectorAll("button")][at]?.focus();
}

function drawDetails() {
  const { row, client } = shown;
  const about = row.about;
  const runs = runsOf(row, client);
  const clients = clientsOf(row);
  const overs = siblings(row);
  const controls = [];
  if (overs.length > 1) {
    const items = overs.map((other) => ({
      words: other.over,
      pressed: other === row,
      choose: () => goTo(other, clientsOf(other).includes(client) ? client : undefined),
    }));
    controls.push(choices("Over", items));
  }
  if (clients.length > 1) {
    const signs = (name) => runsOf(row, name).map((run) => (run ? SIGNS[run.status] : "·")).join("");
    const items = clients.map((name) => ({
      words: `${name} ${signs(name)}`,
      pressed: name === client,
      choose: () => goTo(row, name),
    }));
    controls.push(choices("Client", items));
  }
  const there = [...runs.keys()].filter((i) => runs[i]);
  if (there.length > 1) {
    const items = there.map((i) => ({
      words: `${report.subjects[i]} ${SIGNS[runs[i].status]}`,
      pressed: shown.subjects.has(i),
      choose: () => change(() => {
        if (!shown.subjects.delete(i)) shown.subjects.add(i);
        if (shown.subjects.size === 0) shown.subjects.add(i);
      }),
    }));
    controls.push(choices("Compare", items));
  }
  controls.push(
    choices("Time", [
      { words: "idle compressed", pressed: shown.compressed, choose: () => change(() => (shown.compressed = true)) },
      { words: "to scale", pressed: !shown.compressed, choose: () => change(() => (shown.compressed = false)) },
    ]),
    choices("Bytes", [
      { words: "show all", pressed: shown.bytes, choose: () => change(() => (shown.bytes = !shown.bytes)) },
    ]),
  );
  const chosen = there.filter((i) => shown.subjects.has(i)).map((i) => runs[i]);
  const scale = makeScale(chosen.filter((run) => run.status !== "skip"), shown.compressed);
  const step = (by) => h(
    "button",
    { type: "button", "class": "step", disabled: !neighbour(row, by), onclick: () => goTo(neighbour(row, by)) },
    by < 0 ? "↑ Previous" : "↓ Next",
  );
  dialog.replaceChildren(
    head(breakable(row.name), step(-1), step(1)),
    h("p", { "class": "sentence" }, about.sentence),
    about.source && h("p", { "class": "muted" }, `Laid down or found in: ${about.source}. `, h("a", { href: link(row, client) }, "Link to this case")),
    h("div", { "class": "controls" }, controls),
    h("div", { "class": "panels", "--panels": chosen.length }, chosen.map((run) => panel(run, scale))),
    legend(),
  );
  if (shown.bytes) expandAll(dialog, true);
}

/** Goes to another run, with the address telling it. */
function goTo(row, client) {
  location.hash = link(row, client ?? (clientsOf(row).includes(shown.client) ? shown.client : undefined));
}

/** One run. */
function panel(run, scale) {
  const known = run.known;
  const facts = [];
  if (run.found) facts.push(["expected", run.found.expected], ["seen", run.found.seen]);
  else if (run.status === "pass") facts.push(["expected and seen", run.row.about.sentence || "what the case asks for"]);
  if (run.detail) facts.push([run.status === "skip" ? "why" : "said", run.detail]);
  if (known) facts.push([run.fine ? "known" : `expected to ${known.status}`, known.reason]);
  return h(
    "section",
    { "class": `panel ${run.status}`, "aria-label": `${report.subjects[run.subject]}: ${run.status}` },
    h("h3", {}, report.subjects[run.subject]),
    h(
      "p",
      { "class": "verdict-line" },
      h("strong", { "class": `word ${run.status}` }, `${SIGNS[run.status]} ${run.status}`),
      run.status === "skip" ? "" : ` after ${seconds(run.took)}`,
      run.fine ? "" : h("strong", { "class": "surprise" }, " ! not as expected"),
    ),
    h("dl", {}, facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    ...(run.status === "skip" ? [] : [timeline(run, scale), h("h4", {}, "Event by event"), sequence(run)]),
  );
}

function legend() {
  return h(
    "details",
    { "class": "legend" },
    h("summary", {}, "How to read the timelines"),
    h(
      "ul",
      {},
      h("li", {}, "A lane is a connection. Bars above its line are bytes that the client sent, bars below are bytes of the server; the higher, the more digits their number has. Each shows its bytes."),
      h("li", {}, "Striped bars are TLS records of a client that is not ours: their length is known, not what is in them."),
      h("li", {}, "The end of a lane says what ended it: FIN, RST, or FIN without close_notify. A lane that runs on as dashes was still open when the case ended."),
      h("li", {}, "Dashed marks are what the case waited for: the deadline, and before when nothing may come."),
      h("li", {}, "Runs that are compared share a scale. ≈ marks time that is drawn shorter than it was."),
    ),
  );
}

dialog.addEventListener("close", () => {
  if (linked(location.hash)) history.replaceState(null, "", location.href.split("#")[0]);
  const back = shown.row && chipOf(shown.row, shown.client, shown.from);
  (back ?? shown.from)?.focus?.();
});

dialog.addEventListener("click", (click) => {
  if (click.target === dialog) closeDetails();
});
