// Cost, tokens and hours by project, agent, model and day, the pace of today, and the limits of accounts.

import { html, useEffect, useMemo, useRef, useState } from "../vendor/preact.js";
import uPlot from "../vendor/uplot.js";
import { call, list } from "../core/api.js";
import { count, money } from "../core/format.js";
import { epoch, listen } from "../core/live.js";
import { dayOf } from "../core/spending.js";
import { Budgets } from "../parts/budgets.js";
import { Limits } from "../parts/limits.js";
import { Empty, attempt } from "../parts/ui.js";

const LISTED_DAYS = 2;
const MOST_LISTED = 1000;
const REFRESH_MS = 3000;
const DAY_MS = 86400e3;
const CHANGING = ["ended", "requeued"];
const KINDS = { project: "Project", agent: "Agent", model: "Model", tag: "Tag", day: "Day" };

/** The sums of the last days, and the jobs of today, which draw the course of the budgets. */
async function read(days) {
  const since = new Date(dayOf(Date.now()) - (days - 1) * DAY_MS).toISOString();
  const recent = new Date(Date.now() - LISTED_DAYS * DAY_MS).toISOString();
  const [report, page] = await Promise.all([call("spend", { since, by: Object.keys(KINDS) }), list({ since: recent, limit: MOST_LISTED, sort: "ended" })]);
  return { report, jobs: page.jobs };
}

const amount = (sums) => (sums.cost_usd || 0) + (sums.computed_usd || 0);
const tokens = (sums) => (sums.tokens_in || 0) + (sums.tokens_out || 0);
const hours = (sums) => (sums.running_s || 0) / 3600;
const has = (value) => value !== null && value !== undefined;

/** `$1.25`, `~$1.25` where a part is computed from tokens, `unknown`, or `-`: as the command line says it. */
export function costOf(sums) {
  const known = has(sums.cost_usd) || has(sums.computed_usd);
  const parts = known ? [`${has(sums.computed_usd) ? "~" : ""}${money(amount(sums))}`] : [];
  if (sums.unknown) parts.push(known ? `${sums.unknown} unknown` : "unknown");
  return parts.join(" + ") || "-";
}

/** The last days, the oldest first, also those without jobs: [[time, sums]]. */
function chartDays(groups, days) {
  const known = new Map(groups.map((sums) => [dayOf(`${sums.name}T00:00`), sums]));
  return Array.from({ length: days }, (_, index) => {
    const day = dayOf(Date.now() - (days - 1 - index) * DAY_MS);
    return [day, known.get(day) || {}];
  });
}

const HALF_DAY_S = 43200;
const VALUES = { cost: ["Cost", amount, money], tokens: ["Tokens", tokens, count], hours: ["Hours", hours, (value) => value.toFixed(1)] };

function Chart({ days, value }) {
  const box = useRef(null);
  const [label, valueOf, format] = VALUES[value];
  useEffect(() => {
    const element = box.current;
    const style = getComputedStyle(element);
    const grid = { stroke: style.getPropertyValue("--line"), width: 1 };
    const axis = { stroke: style.getPropertyValue("--muted"), grid, ticks: { show: false }, font: "12px system-ui" };
    const options = {
      width: element.clientWidth, height: 190, legend: { show: false }, cursor: { y: false },
      scales: { x: { time: true, range: (_, first, last) => [first - HALF_DAY_S, last + HALF_DAY_S] }, y: { range: (_, low, high) => [0, Math.max(high, 0.01) * 1.1] } },
      axes: [axis, { ...axis, size: 56, values: (_, splits) => splits.map((split) => format(split)) }],
      series: [{}, { label, fill: style.getPropertyValue("--accent"), stroke: style.getPropertyValue("--accent"), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.7, 40] }) }],
    };
    const plot = new uPlot(options, [days.map(([day]) => day / 1000), days.map(([, sums]) => valueOf(sums))], element);
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: 190 }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [days, value]);
  return html`<div ref=${box} class="chart" role="img" aria-label=${`${label} by day: ${days.filter(([, sums]) => valueOf(sums)).map(([day, sums]) => `${new Date(day).toLocaleDateString()} ${format(valueOf(sums))}`).join(", ")}`}></div>`;
}

const Table = ({ label, groups }) => html`<section class="spend-table"><h2>${label}</h2><div class="table-box" tabindex="0" role="region" aria-label=${`Spent by ${label.toLowerCase()}`}><table>
  <thead><tr><th>${label.toLowerCase()}</th><th class="num">cost</th><th class="num">tokens</th><th class="num">hours</th><th class="num">jobs</th><th class="num">failed</th></tr></thead>
  <tbody>${groups.slice(0, 20).map((sums) => html`<tr key=${sums.name}><td>${sums.name || "(none)"}</td><td class="num">${costOf(sums)}</td><td class="num">${count(tokens(sums))}</td><td class="num">${hours(sums).toFixed(1)}</td><td class="num">${sums.jobs}</td><td class="num">${sums.failed || ""}</td></tr>`)}</tbody></table></div></section>`;

const Prices = ({ prices }) => html`<section aria-label="Prices"><h2>Prices</h2><p class="muted">~ is computed from tokens, with these prices for a million of them.</p>
  <ul>${prices.map((price) => html`<li key=${price.model}>${price.model}: in ${money(price.input_usd)}${has(price.cached_usd) && `, cached ${money(price.cached_usd)}`}, out ${money(price.output_usd)} <span class="muted">${[price.date, price.source].filter(Boolean).join("; ")}</span></li>`)}</ul></section>`;

export function SpendPage() {
  const [days, setDays] = useState(14);
  const [value, setValue] = useState("cost");
  const [found, setFound] = useState(null);
  const [info, setInfo] = useState(null);
  const readInfo = async () => {
    const next = await attempt(() => call("info"));
    if (next) setInfo(next);
  };
  useEffect(() => {
    let timer = null;
    const refresh = async () => {
      timer = null;
      const next = await attempt(() => read(days));
      if (next) setFound(next);
      await readInfo();
    };
    refresh();
    const soon = () => { timer ??= setTimeout(refresh, REFRESH_MS); };
    const stops = [listen((event) => CHANGING.includes(event.kind) && soon()), epoch.subscribe((number) => number > 1 && soon())];
    return () => {
      clearTimeout(timer);
      for (const stop of stops) stop();
    };
  }, [days]);
  const { report, jobs } = found || {};
  const chart = useMemo(() => report && chartDays(report.groups.day, days), [report, days]);
  const { usage_limits: limits = {} } = info || {};
  const isOf = (project) => (job) => project === null || job.project === project;
  return html`<section class="page" aria-label="Spend"><header class="page-head"><h1>Spend</h1>
      <div class="segments" role="group" aria-label="Days">${[7, 14, 30].map((each) => html`<button key=${each} aria-pressed=${days === each} onClick=${() => setDays(each)}>${each} days</button>`)}</div>
      <div class="segments" role="group" aria-label="Value">${Object.entries(VALUES).map(([name, [label]]) => html`<button key=${name} aria-pressed=${value === name} onClick=${() => setValue(name)}>${label}</button>`)}</div></header>
    <div class="scroll spend">${!report || !info ? html`<p class="muted pad">Loading…</p>` : html`
      <div class="row wrap figures"><span>Today <strong class="num">${costOf(report.today)}</strong></span><span class="muted">at this pace <span class="num">${money(report.by_end_usd)}</span> by midnight (estimate)</span></div>
      ${report.total.jobs ? html`<${Chart} days=${chart} value=${value} />` : html`<${Empty} title=${`No jobs in the last ${days} days.`} />`}
      <div class="columns"><section aria-label="Budgets"><h2>Budgets of a day</h2><${Budgets} budgets=${report.budgets} jobs=${jobs} isOf=${isOf} /></section>
        <${Limits} agents=${limits} reload=${readInfo} /></div>
      ${report.total.jobs > 0 && html`<div class="columns wide">${Object.entries(KINDS).map(([kind, label]) => html`<${Table} key=${kind} label=${label} groups=${report.groups[kind]} />`)}</div>`}
      ${report.prices.length > 0 && html`<${Prices} prices=${report.prices} />`}`}</div></section>`;
}
