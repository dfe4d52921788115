// The head of the page, its filter, and what the address asks for.

const byId = (id) => document.getElementById(id);

function drawTotals() {
  const all = report.runs.length;
  const made = new Date(report.made).toLocaleString();
  byId("summary").textContent =
    `${plural(all, "run")} of ${plural(report.cases.length, "case")} in ${(report.took / 1000).toFixed(1)} s, ${made}, harness ${report.version}`;
  const cards = report.subjects.map((subject, i) => {
    const runs = rows.flatMap((row) => row.subjects[i]);
    const counts = Object.keys(SIGNS).map((status) => [status, runs.filter((run) => run.status === status).length]);
    const surprises = runs.filter((run) => !run.fine).length;
    return h(
      "section",
      { "class": "card", "aria-label": subject },
      h("h2", {}, subject),
      h(
        "div",
        { "class": "share", "aria-hidden": "true" },
        counts.map(([status, count]) => count > 0 && h("span", { "class": status, "--share": count })),
      ),
      h("ul", {}, counts.map(([status, count]) => h("li", { "class": count ? "" : "muted" }, h("span", { "class": `swatch ${status}`, "aria-hidden": "true" }), `${SIGNS[status]} ${count} ${status}`))),
      h("p", { "class": surprises ? "surprise" : "" }, surprises ? `! ${surprises} not as expected` : "all as expected"),
    );
  });
  byId("totals").replaceChildren(...cards);
}

function fill(id, any, values) {
  const options = values.map(([value, words]) => h("option", { value }, words));
  byId(id).replaceChildren(h("option", { value: "" }, any), ...options);
}

function drawFilters() {
  const own = (values) => [...new Set(values)].map((value) => [value, value]);
  fill("filter-status", "any", [
    ["differs", "differs between subjects"],
    ["surprise", "! not as expected"],
    ...Object.entries(SIGNS).map(([status, sign]) => [status, `${sign} ${status}`]),
  ]);
  fill("filter-area", "all", own(rows.map((row) => row.area)));
  fill("filter-client", "all", own(report.runs.map((run) => run.client)));
  fill("filter-over", "all", own(report.runs.map((run) => run.over)));
}

function applyFilter() {
  const left = filterMatrix({
    words: byId("filter-text").value.toLowerCase().split(/\s+/).filter(Boolean),
    status: byId("filter-status").value,
    area: byId("filter-area").value,
    client: byId("filter-client").value,
    over: byId("filter-over").value,
  });
  byId("count").textContent = left === report.runs.length ? `all ${plural(left, "run")}` : `${left.toLocaleString("en")} of ${plural(report.runs.length, "run")}`;
  byId("empty").hidden = left > 0;
}

/** Shows what the address names. */
function follow() {
  const asked = linked(location.hash);
  if (asked) openDetails(asked);
  else closeDetails();
}

drawTotals();
drawFilters();
drawMatrix();
applyFilter();

const filters = byId("filters");
filters.addEventListener("input", applyFilter);
filters.addEventListener("submit", (submit) => submit.preventDefault());
// The fields have their first values after the event.
filters.addEventListener("reset", () => setTimeout(applyFilter));

byId("fold").addEventListener("click", (click) => {
  const folded = click.currentTarget.getAttribute("aria-pressed") !== "true";
  click.currentTarget.setAttribute("aria-pressed", String(folded));
  for (const group of groups) fold(group, folded);
});

document.addEventListener("keydown", (press) => {
  const typing = press.target.closest?.("input, select, textarea");
  if (press.key === "/" && !typing && !dialog.open) {
    press.preventDefault();
    byId("filter-text").focus();
  }
});

// The names of the columns stay below the filter, however high that is.
const place = () => document.documentElement.style.setProperty("--filters", `${filters.offsetHeight}px`);
new ResizeObserver(place).observe(filters);

addEventListener("hashchange", follow);
follow();
