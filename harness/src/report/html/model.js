// The data of the page, and small tools to draw it with.

const report = JSON.parse(document.getElementById("data").textContent);

/** How a result is shown, without colour: a sign and a word. */
const SIGNS = { pass: "✓", fail: "✗", hang: "∞", skip: "–" };

/** The events that end a direction or a connection, in words. */
const WORDS = {
  "open": "connected",
  "sent-close-notify": "close_notify",
  "sent-fin": "FIN",
  "held-fin": "client done, its FIN is held back",
  "close-notify": "close_notify",
  "fin": "FIN",
  "truncated": "FIN without close_notify",
  "reset": "RST",
};

/** The events after which the server says nothing more. */
const ENDS = new Set(["fin", "truncated", "reset"]);

const text = (number) => report.texts[number];

/** An event of the data as an object. */
function event([at, connection, kind, a, b, c]) {
  const made = { at, connection, kind };
  if (kind === "sent" || kind === "received") {
    return Object.assign(made, { bytes: text(a), total: b, cut: c });
  }
  if (kind === "sent-tls" || kind === "received-tls") return Object.assign(made, { total: a });
  if (kind === "note" || kind === "open") return Object.assign(made, { text: text(a) });
  if (kind === "awaits") return Object.assign(made, { text: text(a), notBefore: b, deadline: c });
  return made;
}

/** Whether an event goes from the client to the server. */
const isSent = (event) => event.kind.startsWith("sent");

/** Whether an event goes over the wire at all. */
const isOnWire = (event) => !["note", "open", "awaits", "held-fin"].includes(event.kind);

const area = (id) => id.split(".")[0];

/** The rows of the matrix: a case over a transport, with its runs by subject. */
const rows = [];
const rowByName = new Map();
for (const data of report.runs) {
  const about = report.cases[data.case];
  const name = data.over === "plain" ? about.id : `${about.id}@${data.over}`;
  let row = rowByName.get(name);
  if (!row) {
    row = { name, about, over: data.over, area: area(about.id), subjects: report.subjects.map(() => []) };
    rowByName.set(name, row);
    rows.push(row);
  }
  const run = {
    ...data,
    row,
    fine: data.fine !== false,
    known: data.known && { status: data.known[0], reason: text(data.known[1]) },
    found: data.found && { expected: text(data.found[0]), seen: text(data.found[1]) },
    detail: data.detail === undefined ? "" : text(data.detail),
    cut: data.cut?.[0] ?? 0,
    head: data.cut?.[1],
  };
  row.subjects[data.subject].push(run);
}

/** All rows of the same case: the transports it runs over. */
const siblings = (row) => rows.filter((other) => other.about === row.about);

/**
 * The events of a run, in the order of their times. They count from the first of them: until then the
 * case waited for its turn.
 */
function eventsOf(run) {
  if (run.made) return run.made;
  run.made = run.events.map(event);
  const start = run.made[0]?.at ?? 0;
  run.end = Math.max(run.took, run.made.at(-1)?.at ?? 0) - start;
  for (const made of run.made) {
    made.at -= start;
    if (made.kind !== "awaits") continue;
    if (made.notBefore !== null) made.notBefore = Math.max(0, made.notBefore - start);
    if (made.deadline !== null) made.deadline = Math.max(0, made.deadline - start);
  }
  return run.made;
}

const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

/** A time as people read it; the unit is said where it is not ms. */
function time(ms) {
  if (ms >= 10000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms >= 100) return `${Math.round(ms).toLocaleString("en")} ms`;
  return `${ms.toFixed(1)} ms`;
}

const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;

/** An element. Attributes that are false or undefined are left out; children are nodes or text. */
function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === undefined || value === null) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key.startsWith("--")) element.style.setProperty(key, value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** A long id that may break after its dots and dashes. */
function breakable(id) {
  return id.split(/(?<=[.@-])/).flatMap((part) => [part, h("wbr")]);
}

/** Escaped bytes with a new line after each that they hold: escapes stay as they are. */
const lines = (escaped) => escaped.replace(/\\\\|\\n/g, (token) => (token === "\\n" ? "\\n\n" : token));

/** The first line of escaped bytes, for a label. */
const firstLine = (escaped) => lines(escaped).split("\n")[0].replace(/(\\r)?\\n$/, "");

/** What the bytes of an event are, for reading. */
function bytesText(event) {
  if (event.bytes === undefined) return `${plural(event.total, "byte")} of TLS records; what is in them is not known here`;
  return lines(event.bytes) + (event.cut ? `\n… and ${plural(event.cut, "byte")} more` : "");
}

/** An event in a few words. */
function label(event) {
  switch (event.kind) {
    case "sent":
    case "received":
      return `${plural(event.total, "byte")}: ${firstLine(event.bytes)}`;
    case "sent-tls":
    case "received-tls":
      return `${plural(event.total, "byte")} of TLS`;
    case "note":
      return event.text;
    case "open":
      return `connected to ${event.text}`;
    case "awaits":
      return `waits for ${event.text}`;
    default:
      return WORDS[event.kind];
  }
}
