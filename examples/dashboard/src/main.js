import { BarChart, LineChart, PieChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

import { DASHBOARD } from "./documents";
import { ask } from "./graph";

echarts.use([BarChart, LineChart, PieChart, GridComponent, LegendComponent, TooltipComponent, SVGRenderer]);

const at = (id) => document.getElementById(id);
const dark = matchMedia("(prefers-color-scheme: dark)");
const charts = new Map();
let seen = null;

/** The amount in one currency among a list by currency: never a sum of several. */
const amount = (list, currency) => list.find((each) => each.currency === currency)?.sum.amount ?? "0";

const money = (text, currency, short = true) =>
  new Intl.NumberFormat("en", { style: "currency", currency, notation: short ? "compact" : "standard" }).format(text);

const month = (date) =>
  new Intl.DateTimeFormat("en", { month: "short", year: "2-digit", timeZone: "UTC" }).format(new Date(`${date}T00:00:00Z`));

function region(code) {
  return code ? new Intl.DisplayNames("en", { type: "region" }).of(code) : "Unknown";
}

/** Whole calendar months up to today's, by this computer's calendar. */
function span(months) {
  const today = new Date();
  const day = (date) => `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;
  const from = new Date(today.getFullYear(), today.getMonth() - months + 1, 1);
  return { from: day(from), through: day(today), since: new Date(today - 60 * 86_400_000).toISOString() };
}

function colours() {
  const of = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return { text: of("--text"), quiet: of("--quiet"), line: of("--line"), main: of("--main"), rest: of("--rest"), card: of("--card") };
}

function draw(id, option) {
  const c = colours();
  const chart = charts.get(id) ?? echarts.init(at(id), null, { renderer: "svg" });
  charts.set(id, chart);
  const axis = { axisLine: { lineStyle: { color: c.line } }, axisTick: { show: false }, axisLabel: { color: c.quiet }, splitLine: { lineStyle: { color: c.line } } };
  const dressed = { animation: false, textStyle: { fontFamily: "system-ui, sans-serif", color: c.text }, tooltip: { confine: true, backgroundColor: c.card, borderColor: c.line, textStyle: { color: c.text } }, ...option };
  for (const name of ["xAxis", "yAxis"]) if (option[name]) dressed[name] = { ...axis, ...option[name], axisLabel: { ...axis.axisLabel, ...option[name].axisLabel } };
  chart.setOption(dressed, true);
}

// Room for the labels of the axes.
const GRID = { left: 56, right: 20, top: 12, bottom: 28 };
const NAMES = { ...GRID, left: 132 };
const TWO_LINES = { ...GRID, bottom: 44 };

function sales(nodes, currency) {
  const c = colours();
  draw("sales", {
    grid: GRID,
    tooltip: { trigger: "axis", confine: true, valueFormatter: (value) => money(value, currency, false) },
    xAxis: { type: "category", data: nodes.map((each) => month(each.key.placedAt.date)) },
    yAxis: { type: "value", axisLabel: { formatter: (value) => money(value, currency) } },
    series: [{ type: "bar", name: "Sales", data: nodes.map((each) => amount(each.aggregate.total, currency)), itemStyle: { color: c.main, borderRadius: [4, 4, 0, 0] } }],
  });
}

function ranked(id, names, amounts, currency) {
  const c = colours();
  const last = names.length - 1;
  draw(id, {
    grid: NAMES,
    tooltip: { trigger: "item", confine: true, valueFormatter: (value) => money(value, currency, false) },
    xAxis: { type: "value", axisLabel: { formatter: (value) => money(value, currency), hideOverlap: true } },
    yAxis: { type: "category", inverse: true, data: names, axisLabel: { width: 112, overflow: "truncate" } },
    series: [{ type: "bar", data: amounts.map((value, index) => ({ value, itemStyle: { color: index === last && names[last].startsWith("Other") ? c.rest : c.main } })), itemStyle: { borderRadius: [0, 4, 4, 0] } }],
  });
}

function withOther(groups, name, currency) {
  const names = groups.nodes.map(name);
  const amounts = groups.nodes.map((each) => amount(each.aggregate.total, currency));
  if (groups.other) {
    names.push(`Other ${groups.other.groupCount}`);
    amounts.push(amount(groups.other.aggregate.total, currency));
  }
  return [names, amounts];
}

function open(nodes, currency) {
  const c = colours();
  const names = nodes.map(({ key: { age } }) => (age.from === null ? `up to ${age.below - 1} days` : age.below === null ? `${age.from} days and more` : `${age.from} to ${age.below - 1} days`));
  draw("open", {
    grid: TWO_LINES,
    tooltip: { trigger: "item", confine: true, valueFormatter: (value) => money(value, currency, false) },
    xAxis: { type: "category", data: names, axisLabel: { interval: 0, width: 84, overflow: "break" } },
    yAxis: { type: "value", axisLabel: { formatter: (value) => money(value, currency) } },
    series: [{ type: "bar", barMaxWidth: 56, data: nodes.map((each) => amount(each.aggregate.openTotal, currency)), itemStyle: { color: c.main, borderRadius: [4, 4, 0, 0] } }],
  });
}

function filled(nodes) {
  const c = colours();
  const parts = nodes.map(({ aggregate: { wantedCount, shippedInFullCount } }) => (wantedCount ? shippedInFullCount / wantedCount : null));
  const percent = (value) => (value === null || value === undefined ? "no lines" : `${Math.round(value * 100)} %`);
  draw("filled", {
    grid: GRID,
    tooltip: { trigger: "axis", confine: true, valueFormatter: percent },
    xAxis: { type: "category", data: nodes.map((each) => month(each.key.placedAt.date)) },
    yAxis: { type: "value", min: 0, max: 1, axisLabel: { formatter: percent } },
    series: [{ type: "line", name: "In full", data: parts, symbolSize: 7, lineStyle: { color: c.main, width: 2 }, itemStyle: { color: c.main } }],
  });
}

function tile(name, value) {
  const made = document.createElement("div");
  made.className = "card tile";
  made.append(Object.assign(document.createElement("p"), { className: "quiet", textContent: name }), Object.assign(document.createElement("p"), { className: "big", textContent: value }));
  return made;
}

function row({ sku, name, unit, stock }) {
  const made = document.createElement("tr");
  const cell = Object.assign(document.createElement("td"), { textContent: name });
  cell.append(Object.assign(document.createElement("span"), { className: "quiet", textContent: ` ${sku}` }));
  made.append(cell, Object.assign(document.createElement("td"), { className: "number", textContent: `${stock.available} ${unit}` }));
  return made;
}

function show() {
  const { data, cost, days } = seen;
  const { name, currency, timezone } = data.viewer.tenant;
  const whole = data.months.aggregate;
  at("company").textContent = name;
  at("span").textContent = `${days.from} to ${days.through}, days of ${timezone}; amounts in ${currency}`;
  at("tiles").replaceChildren(
    tile("Sales", money(amount(whole.total, currency), currency)),
    tile("Orders", whole.orderCount.toLocaleString("en")),
    tile("Customers", whole.customerCount.toLocaleString("en")),
    tile("Open", money(amount(data.open.groups.total.openTotal, currency), currency)),
    tile("Shipped in full", whole.wantedCount ? `${Math.round((100 * whole.shippedInFullCount) / whole.wantedCount)} %` : "–"),
  );
  sales(data.months.groups.nodes, currency);
  ranked("products", ...withOther(data.products.groups, (each) => each.key.product.name, currency), currency);
  ranked("countries", ...withOther(data.countries.groups, (each) => region(each.key.customerCountry), currency), currency);
  open(data.open.groups.nodes, currency);
  filled(data.months.groups.nodes);
  at("dead-count").textContent = data.dead.totalCount.value.toLocaleString("en");
  at("dead").replaceChildren(...data.dead.nodes.map(row));
  at("cost").textContent = `All of it is one request${cost ? `, of ${cost} points` : ""}: numbers of one moment.`;
}

async function load() {
  const days = span(Number(at("months").value));
  seen = { ...(await ask(sessionStorage.getItem("key"), DASHBOARD, days)), days };
  at("gate").hidden = true;
  at("page").hidden = false;
  show();
}

at("key-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  sessionStorage.setItem("key", at("key").value.trim());
  try {
    await load();
  } catch (error) {
    at("said").textContent = error.message;
    at("said").className = "fault";
  }
});
at("months").addEventListener("change", () => load().catch((error) => (at("span").textContent = error.message)));
dark.addEventListener("change", () => seen && show());
addEventListener("resize", () => charts.forEach((chart) => chart.resize()));
if (sessionStorage.getItem("key")) load().catch(() => sessionStorage.removeItem("key"));
