// The timeline of a run: a lane for each connection, bytes above the line as they are sent and
// below it as they come, deadlines and ends with their words. Runs that are compared share a scale.

/** Above this many connections only the first have lanes. */
const MOST_LANES = 8;

/** How long without an event is said to be idle, and is what compression is for. */
const IDLE = 120;

/** Maps times to per cent of the width, for all of these runs. */
function makeScale(runs, compressed) {
  const times = new Set([0]);
  let end = 1;
  for (const run of runs) {
    for (const event of eventsOf(run)) {
      times.add(event.at);
      end = Math.max(end, event.at);
    }
    end = Math.max(end, run.end);
    for (const wait of marksOf(run)) {
      if (wait.deadline !== null) times.add(wait.deadline);
      if (wait.notBefore !== null) times.add(wait.notBefore);
    }
  }
  // A deadline that was met stands beyond the end; it belongs into the picture if it is near.
  for (const time of times) if (time <= end * 1.15 + 20) end = Math.max(end, time);
  times.add(end);
  const stops = [...times].filter((time) => time <= end).sort((a, b) => a - b);
  const weigh = compressed ? (gap) => Math.log1p(gap / 8) : (gap) => gap;
  const places = [0];
  for (let i = 1; i < stops.length; i += 1) places.push(places[i - 1] + weigh(stops[i] - stops[i - 1]));
  const total = places[places.length - 1] || 1;
  const place = (time) => {
    if (time >= end) return 100;
    let i = 1;
    while (i < stops.length - 1 && stops[i] < time) i += 1;
    const gap = stops[i] - stops[i - 1] || 1;
    const part = (time - stops[i - 1]) / gap;
    return ((places[i - 1] + part * (places[i] - places[i - 1])) / total) * 100;
  };
  return { place, end, stops, compressed };
}

/**
 * The waits that a timeline marks: those that were still on when their deadline came, and the last of
 * each connection. What came in time and was followed by another wait needs no mark.
 */
function marksOf(run) {
  // Where events are left out, what was waited for may have come among them.
  if (run.cut) return [];
  const waits = eventsOf(run).filter((event) => event.kind === "awaits");
  return waits.filter((wait, i) => {
    const next = waits.slice(i + 1).find((other) => other.connection === wait.connection);
    if (!next) return true;
    const until = wait.deadline ?? wait.notBefore;
    return until !== null && until <= next.at + 1;
  });
}

/** The times that the axis names: not nearer to each other than can be read. */
function ticks(scale) {
  const wanted = scale.compressed ? scale.stops : round(scale.end);
  const chosen = [];
  let last = -Infinity;
  for (const time of wanted) {
    const at = scale.place(time);
    if (at - last >= 13 && at <= 92) {
      chosen.push(time);
      last = at;
    }
  }
  return chosen;
}

/** Round times from 0 to an end. */
function round(end) {
  const power = 10 ** Math.floor(Math.log10(end / 4));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((step) => end / step <= 6);
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, i) => i * step);
}

/** Something at a time, its label on the side where there is room. */
function mark(scale, at, kind, words, tip) {
  const place = scale.place(at);
  return h(
    "span",
    { "class": `mark ${kind}${place > 62 ? " left" : ""}`, "--at": `${place}%`, title: tip },
    words && h("span", { "class": "words" }, words),
  );
}

/** A bar of bytes: as high as there are digits in their number. */
function bar(scale, event) {
  const sent = isSent(event);
  const size = Math.min(4, Math.log10(event.total + 1)) / 4;
  const words = `${time(event.at)}: ${sent ? "sent" : "received"} ${label(event)}`;
  const place = scale.place(event.at);
  return h(
    "button",
    {
      "class": `bar ${sent ? "sent" : "received"}${event.bytes === undefined ? " sealed" : ""}${place > 55 ? " left" : ""}`,
      type: "button",
      "--at": `${place}%`,
      "--size": size.toFixed(2),
      "aria-label": words,
    },
    h("span", { "class": "tip", "aria-hidden": "true" }, `${words.split(":")[0]}\n${bytesText(event)}`),
  );
}

/** What a case waited for, over the time in which it may come. */
function band(scale, wait) {
  const from = scale.place(wait.at);
  const to = scale.place(wait.deadline ?? wait.notBefore);
  const words = h("span", { "class": "words" }, wait.text);
  return h("span", { "class": "band", "--at": `${from}%`, "--to": `${to}%`, title: waiting(wait) }, to - from > 22 && words);
}

/** When something may come at the earliest or the latest; one that is not in the picture points to it. */
function limit(scale, at, kind, word, wait) {
  const beyond = at > scale.end;
  const words = `${word} ${time(at)}${beyond ? " ▸" : ""}`;
  return mark(scale, at, `limit ${kind}${beyond ? " beyond" : ""}`, words, waiting(wait));
}

/** The words of the mark for the end of a lane. */
const endWords = (event) => `${WORDS[event.kind]} at ${time(event.at)}`;

/** One connection. Waits of no connection in particular are drawn on each. */
function lane(scale, run, connection, marks) {
  const events = eventsOf(run).filter((event) => event.connection === connection);
  const opened = events[0].at;
  const end = events.find((event) => ENDS.has(event.kind));
  const until = end ? end.at : run.end;
  const own = marks.filter((mark) => mark.connection === connection || mark.connection === 0);
  const drawn = [
    h("span", {
      "class": `line${end ? "" : " open"}`,
      "--at": `${scale.place(opened)}%`,
      "--to": `${scale.place(until)}%`,
    }),
  ];
  let last = opened;
  const gap = (from, to) => {
    const width = scale.place(to) - scale.place(from);
    if (to - from < IDLE || width < 14 || run.cut) return;
    const middle = scale.place(from) + width / 2;
    drawn.push(h("span", { "class": "gap", "--at": `${middle}%` }, `${scale.compressed ? "≈ " : ""}${time(to - from)}`));
  };
  for (const event of events) {
    if (event.kind === "awaits" || event.at > until) continue;
    if (isOnWire(event)) {
      gap(last, event.at);
      last = event.at;
    }
    if (event.kind === "held-fin") drawn.push(mark(scale, event.at, "stop up", "client done"));
    else if (event.total !== undefined) drawn.push(bar(scale, event));
    else if (event.kind.startsWith("sent")) drawn.push(mark(scale, event.at, "stop up", WORDS[event.kind]));
    else if (event.kind === "close-notify") drawn.push(mark(scale, event.at, "stop down", "close_notify"));
  }
  gap(last, until);
  for (const wait of own) {
    drawn.push(band(scale, wait));
    const word = wait.deadline === null ? "must last until" : "not before";
    if (wait.notBefore !== null) drawn.push(limit(scale, wait.notBefore, "early", word, wait));
    if (wait.deadline !== null) drawn.push(limit(scale, wait.deadline, "late", "deadline", wait));
  }
  drawn.push(
    end
      ? mark(scale, end.at, `end ${end.kind}`, endWords(end))
      : mark(scale, until, "end still", run.cut ? "its end is not drawn" : `still open at ${time(until)}`),
  );
  return h(
    "div",
    { "class": "lane" },
    h("span", { "class": "lane-name" }, `connection ${connection}`),
    h("div", { "class": own.length > 0 ? "track" : "track bare" }, drawn),
  );
}

/** The lanes of a run with their axis. */
function timeline(run, scale) {
  const events = eventsOf(run);
  const connections = [...new Set(events.map((event) => event.connection))].filter((number) => number > 0);
  const marks = marksOf(run);
  const lanes = connections.slice(0, MOST_LANES).map((number) => lane(scale, run, number, marks));
  if (connections.length > MOST_LANES) {
    lanes.push(h("p", { "class": "muted" }, `and ${plural(connections.length - MOST_LANES, "connection")} more, below`));
  }
  if (lanes.length === 0) return h("p", { "class": "muted" }, "No connection was recorded.");
  const axis = ticks(scale).map((at) =>
    h("span", { "class": "tick", "--at": `${scale.place(at)}%` }, at === 0 ? "0 ms" : Math.round(at).toLocaleString("en")),
  );
  return h(
    "div",
    { "class": "timeline", role: "group", "aria-label": "Timeline" },
    lanes,
    h("div", { "class": "axis", "aria-hidden": "true" }, axis),
  );
}
