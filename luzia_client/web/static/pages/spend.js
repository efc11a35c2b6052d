// Cost, tokens and hours by project, agent, model and day, the pace of today, and the limits of accounts.

import { html, useEffect, useMemo, useRef, useState } from "../vendor/preact.js";
import uPlot from "../vendor/uplot.js";
import { call, list } from "../core/api.js";
import { count, money, plural } from "../core/format.js";
import { epoch, listen, now } from "../core/live.js";
import { byDay, groupBy, paceOfToday } from "../core/spending.js";
import { Budgets } from "../parts/budgets.js";
import { Limits } from "../parts/limits.js";
import { Empty, attempt } from "../parts/ui.js";

const MOST_PAGES = 20;
const REFRESH_MS = 3000;
const EVERYTHING = "all projects";
const CHANGING = ["ended", "requeued"];

async function readJobs(days) {
  const since = new Date(Date.now() - days * 86400e3).toISOString();
  const jobs = [];
  let cursor = null;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const found = await list({ since, limit: 1000, cursor });
    jobs.push(...found.jobs);
    cursor = found.next;
    if (cursor === null || cursor === undefined) return { jobs, cut: false };
  }
  return { jobs, cut: true };
}

const HALF_DAY_S = 43200;
const VALUES = { cost: ["Cost", (sums) => sums.cost, money], tokens: ["Tokens", (sums) => sums.tokens, count], hours: ["Hours", (sums) => sums.hours, (value) => value.toFixed(1)] };

function Chart({ days, value }) {
  const box = useRef(null);
  const [label, read, format] = VALUES[value];
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
    const plot = new uPlot(options, [days.map(([day]) => day / 1000), days.map(([, sums]) => read(sums))], element);
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: 190 }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [days, value]);
  return html`<div ref=${box} class="chart" role="img" aria-label=${`${label} by day: ${days.filter(([, sums]) => read(sums)).map(([day, sums]) => `${new Date(day).toLocaleDateString()} ${format(read(sums))}`).join(", ")}`}></div>`;
}

const Table = ({ label, groups }) => html`<section class="spend-table"><h2>${label}</h2><div class="table-box"><table>
  <thead><tr><th>${label.toLowerCase()}</th><th class="num">cost</th><th class="num">tokens</th><th class="num">hours</th><th class="num">jobs</th><th class="num">failed</th></tr></thead>
  <tbody>${groups.slice(0, 20).map(([name, sums]) => html`<tr key=${name}><td>${name}</td><td class="num">${sums.jobs === sums.unknown ? "unknown" : money(sums.cost)}</td><td class="num">${count(sums.tokens)}</td><td class="num">${sums.hours.toFixed(1)}</td><td class="num">${sums.jobs}</td><td class="num">${sums.failed || ""}</td></tr>`)}</tbody></table></div></section>`;

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
    const read = async () => {
      timer = null;
      const next = await attempt(() => readJobs(days));
      if (next) setFound(next);
      await readInfo();
    };
    read();
    const soon = () => { timer ??= setTimeout(read, REFRESH_MS); };
    const stops = [listen((event) => CHANGING.includes(event.kind) && soon()), epoch.subscribe((number) => number > 1 && soon())];
    return () => {
      clearTimeout(timer);
      for (const stop of stops) stop();
    };
  }, [days]);
  const sums = useMemo(() => found && {
    days: byDay(found.jobs, days, Date.now()), projects: groupBy(found.jobs, (job) => job.project.split("/").pop()),
    agents: groupBy(found.jobs, (job) => job.agent), models: groupBy(found.jobs, (job) => job.activity?.model || job.model || "unknown"),
    byDate: byDay(found.jobs, days, Date.now()).filter(([, each]) => each.jobs).reverse().map(([day, each]) => [new Date(day).toLocaleDateString(), each]),
  }, [found, days]);
  const today = sums ? sums.days[sums.days.length - 1][1].cost : 0;
  const { daily_budget: ofAll, daily_budgets: ofProjects = {}, usage_limits: limits = {} } = info || {};
  const budgets = [...(ofAll ? [[EVERYTHING, ofAll]] : []), ...Object.entries(ofProjects)];
  const isOf = (name) => (job) => name === EVERYTHING || job.project === name;
  return html`<section class="page" aria-label="Spend"><header class="page-head"><h1>Spend</h1>
      <div class="segments" role="group" aria-label="Days">${[7, 14, 30].map((each) => html`<button key=${each} aria-pressed=${days === each} onClick=${() => setDays(each)}>${each} days</button>`)}</div>
      <div class="segments" role="group" aria-label="Value">${Object.entries(VALUES).map(([name, [label]]) => html`<button key=${name} aria-pressed=${value === name} onClick=${() => setValue(name)}>${label}</button>`)}</div></header>
    <div class="scroll spend">${!sums || !info ? html`<p class="muted pad">Loading…</p>` : html`
      <div class="row wrap figures"><span>Today <strong class="num">${money(today)}</strong></span><span class="muted">at this pace <span class="num">${money(paceOfToday(today, now.value))}</span> by midnight</span>
        ${found.cut && html`<span class="muted">only the newest ${plural(found.jobs.length, "job")}</span>`}</div>
      ${found.jobs.length ? html`<${Chart} days=${sums.days} value=${value} />` : html`<${Empty} title=${`No jobs in the last ${days} days.`} />`}
      <div class="columns"><section aria-label="Budgets"><h2>Budgets of a day</h2><${Budgets} budgets=${budgets} jobs=${found.jobs} isOf=${isOf} /></section>
        <${Limits} agents=${limits} reload=${readInfo} /></div>
      ${found.jobs.length > 0 && html`<div class="columns"><${Table} label="Project" groups=${sums.projects} /><${Table} label="Agent" groups=${sums.agents} /><${Table} label="Model" groups=${sums.models} /><${Table} label="Day" groups=${sums.byDate} /></div>`}`}</div></section>`;
}
