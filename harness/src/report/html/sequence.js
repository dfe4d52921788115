// Everything that happened in a run, one event a row: the client at the left, the server at the
// right, the time running down.

/** Above this many connections they share one column, each row with its number. */
const MOST_COLUMNS = 3;

/** The arrow of an event, with its words. */
function arrow(event) {
  const sent = isSent(event);
  const way = sent ? "to-server" : "to-client";
  const sign = sent ? "→" : "←";
  const said = h("span", { "class": "said" }, `${sign} ${label(event)}`);
  if (event.bytes === undefined && event.total === undefined) {
    return h("div", { "class": `arrow ${way} ${event.kind}` }, said);
  }
  const bytes = h("pre", { "class": "bytes", hidden: true }, bytesText(event));
  const button = h(
    "button",
    { "class": `arrow ${way}${event.bytes === undefined ? " sealed" : ""}`, type: "button", "aria-expanded": "false" },
    said,
  );
  button.addEventListener("click", () => expand(button, bytes, bytes.hidden));
  return h("div", { "class": "exchange" }, button, bytes);
}

function expand(button, bytes, open) {
  bytes.hidden = !open;
  button.setAttribute("aria-expanded", String(open));
}

/** Opens or closes the bytes of every event under an element. */
function expandAll(root, open) {
  for (const button of root.querySelectorAll("button.arrow")) expand(button, button.nextElementSibling, open);
}

/** What a wait is about, in words. */
function waiting(wait) {
  const parts = [`waits for ${wait.text}`];
  if (wait.notBefore !== null) parts.push(wait.deadline === null ? `until ${time(wait.notBefore)}` : `not before ${time(wait.notBefore)}`);
  if (wait.deadline !== null) parts.push(`deadline ${time(wait.deadline)}`);
  return parts.join("; ");
}

/** The rows of a run, each with its time. */
function sequence(run) {
  const events = eventsOf(run);
  const connections = [...new Set(events.map((event) => event.connection))].filter((number) => number > 0);
  const shared = connections.length > MOST_COLUMNS;
  const columns = shared ? 1 : Math.max(1, connections.length);
  const openFrom = new Map();
  const openTo = new Map();
  for (const event of events) {
    if (event.connection === 0) continue;
    if (!openFrom.has(event.connection)) openFrom.set(event.connection, event.at);
    if (ENDS.has(event.kind)) openTo.set(event.connection, event.at);
  }
  const isOpen = (connection, at) => openFrom.get(connection) <= at && !(openTo.get(connection) < at);
  /** The lifelines of the other connections in a row. */
  const lines = (at, but) =>
    connections.slice(0, shared ? 0 : MOST_COLUMNS).map(
      (number, i) => number !== but && isOpen(number, at) && h("span", { "class": "life", "--column": i + 2 }),
    );
  const items = [];
  const row = (at, connection, kind, ...content) => {
    const column = shared ? 0 : connections.indexOf(connection);
    const isWhole = connection === 0;
    items.push(
      h(
        "li",
        { "class": `row ${kind}` },
        h("time", {}, time(at)),
        lines(at, isWhole ? 0 : connection),
        h(
          "div",
          {
            "class": isWhole ? "what whole" : "what",
            "--column": isWhole ? 2 : column + 2,
            "--span": isWhole ? columns : 1,
          },
          connections.length > 1 && !isWhole && h("span", { "class": `number${shared ? " always" : ""}` }, `connection ${connection}`),
          ...content,
        ),
      ),
    );
  };
  const whole = (words, at) => {
    const what = h("span", { "class": "what whole", "--column": 2, "--span": columns }, words);
    items.push(h("li", { "class": "row quiet" }, h("span"), lines(at, 0), what));
  };
  let last = 0;
  const gap = (to) => {
    if (to - last >= IDLE) whole(`nothing for ${time(to - last)}`, (last + to) / 2);
    last = Math.max(last, to);
  };
  for (const [i, event] of events.entries()) {
    if (run.cut && i === run.head) {
      last = event.at;
      whole(`${plural(run.cut, "event")} more, not drawn`, event.at);
    }
    gap(event.at);
    if (event.kind === "awaits") row(event.at, event.connection, "awaits", h("span", { "class": "said" }, waiting(event)));
    else if (!isOnWire(event)) row(event.at, event.connection, event.kind, h("span", { "class": "said" }, label(event)));
    else row(event.at, event.connection, event.kind, arrow(event));
  }
  gap(run.end);
  row(run.end, 0, `verdict ${run.status}`, h("strong", {}, `${SIGNS[run.status]} ${run.status}`), run.found ? `: ${run.found.seen}` : "");
  return h("ol", { "class": "sequence", "--columns": columns }, items);
}
