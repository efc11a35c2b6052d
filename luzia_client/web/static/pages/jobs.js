// All jobs: filters, sorting and paging at the server, a list of which only the visible rows exist, and actions on many.

import { html, signal, useComputed, useEffect, useMemo, useRef, useState } from "../vendor/preact.js";
import { HERE, hostOf, hosts, isAway } from "../core/api.js";
import { STATES, ACTIVE, FAILED, age, doing, duration, isFinal, money, plural, ranFor, title } from "../core/format.js";
import { listAll } from "../core/hosts_list.js";
import { JobsList } from "../core/jobs_list.js";
import { counts, jobSignal, now, readOnly } from "../core/live.js";
import { go, href, replace, route } from "../core/router.js";
import { ACTIONS, perform } from "../parts/job_actions.js";
import { openDispatch } from "../parts/dispatch.js";
import { Found } from "../parts/found.js";
import { Bar, Empty, State } from "../parts/ui.js";
import { Rows, reveal, useWindow } from "../parts/virtual.js";
import { agents, projects } from "../core/setup.js";

const GROUPS = { all: [], active: ACTIVE, queued: ["queued"], waiting: ["waiting"], failed: FAILED, completed: ["completed"] };
const SORTS = { turn: "by need", created: "newest", ended: "latest ended", duration: "longest", cost: "most expensive", priority: "priority", project: "project", agent: "agent", state: "state" };
const MOST_SELECTED = 10000;
const MOST_BY_NEED = 5000;

export const selection = signal(new Set());
export const current = signal(0);

function parsedTags(text) {
  return Object.fromEntries(text.split(/[\s,]+/).filter((each) => each.includes("=")).map((each) => each.split(/=(.*)/s).slice(0, 2)));
}

/** The group of a job in the order by need. */
function groupOf(job) {
  if (!job) return "";
  if (job.state === "waiting") return "Questions";
  if (isFinal(job.state)) return "Ended";
  return job.state === "queued" ? "Queued" : "Active";
}

/** By need, while that is cheap for the daemon: it looks at all jobs for it. */
function defaultSort() {
  const total = Object.values(counts.peek()).reduce((sum, number) => sum + number, 0);
  return total > MOST_BY_NEED ? "created" : "turn";
}

function queryOf(query) {
  const group = query.get("state") || "all";
  const states = GROUPS[group] || group.split(",").filter((each) => STATES[each]);
  const fields = { sort: query.get("sort") || defaultSort(), states };
  if (query.get("project")) fields.projects = [query.get("project")];
  if (query.get("host")) fields.host = query.get("host");
  if (query.get("agent")) fields.agents = [query.get("agent")];
  const tags = parsedTags(query.get("tags") || "");
  if (Object.keys(tags).length) fields.tags = tags;
  if (query.get("search")) fields.search = query.get("search");
  if (query.get("since")) fields.since = new Date(Date.now() - Number(query.get("since")) * 3600e3).toISOString();
  return fields;
}

export function setFilter(name, value) {
  const { query } = route.value;
  replace("jobs", [], { ...Object.fromEntries(query), [name]: value });
}

function Row({ id, ...place }) {
  const held = jobSignal(id);
  if (!held) return html`<div class="job-row"><span class="muted">removed</span></div>`;
  return html`<${JobRow} id=${id} held=${held} ...${place} />`;
}

/** A row. What changes often is text of its own: a report of progress or a second that passes makes no row again. */
function JobRow({ id, held, index, isCurrent, phone, group }) {
  const of = (read) => useComputed(() => read(held.value));
  const state = of((job) => job.state).value;
  const name = of(title);
  const does = of(doing);
  const cost = of((job) => money(job.activity?.cost_usd));
  const ran = of((job) => duration(ranFor(job, now.value)));
  const old = of((job) => age(job.created_at, now.value));
  const { project, agent, created_at: created } = held.peek();
  const chosen = selection.value.has(id);
  const several = Object.keys(hosts.value).length > 0;
  const away = isAway(id);
  const host = `${hostOf(id)}${away ? " (unreachable)" : ""}`;
  const toggle = (event) => {
    const next = new Set(selection.value);
    if (event.target.checked) next.add(id);
    else next.delete(id);
    selection.value = next;
  };
  return html`<div class=${`job-row ${isCurrent ? "current" : ""} ${group ? "first-of-group" : ""} ${away ? "away" : ""}`} role="row" aria-rowindex=${index + 2} aria-selected=${chosen} data-job=${id}>
    ${group && html`<span class="group-label" aria-hidden="true">${group}</span>`}
    <span class="cell-check" role="cell"><input type="checkbox" aria-label=${`Select job ${id}`} checked=${chosen} onChange=${toggle} /></span>
    <span class="cell-state" role="cell"><${State} state=${state} short=${phone} /></span>
    <span class="cell-task" role="cell"><a href=${href("job", [id])} tabindex=${isCurrent ? 0 : -1}>${name}</a><span class="doing">${does}</span></span>
    <span class="cell-progress" role="cell">${!isFinal(state) && html`<${Percent} held=${held} />`}</span>
    ${several && html`<span class="cell-host" role="cell" title=${away && !isFinal(state) ? `last known: ${STATES[state].label}` : ""}>${host}</span>`}
    <span class="cell-project" role="cell">${project.split("/").pop()}</span>
    <span class="cell-agent" role="cell">${agent}</span>
    <span class="cell-cost num" role="cell">${cost}</span>
    <span class="cell-time num" role="cell">${ran}</span>
    <span class="cell-age num" role="cell" title=${created}>${old}</span>
  </div>`;
}

function Percent({ held }) {
  const percent = useComputed(() => held.value.progress?.percent);
  return html`<${Bar} progress=${{ percent: percent.value }} />`;
}

/** All ids that match, for an action on all of them. */
async function matching(query) {
  const jobs = [];
  let cursor = null;
  do {
    const page = await listAll({ ...query, limit: 1000, cursor });
    jobs.push(...page.jobs);
    cursor = page.next;
  } while (cursor !== null && cursor !== undefined && jobs.length < MOST_SELECTED);
  return jobs;
}

export function JobsPage() {
  const { query } = route.value;
  const key = query.toString();
  const fields = useMemo(() => queryOf(query), [key]);
  const source = useMemo(() => {
    const made = new JobsList(fields);
    made.ensure(0, 1); // at once, and not only when the page has been painted without rows
    return made;
  }, [fields]);
  const [all, setAll] = useState(false);
  const box = useRef(null);
  const phone = matchMedia("(max-width: 760px)").matches;
  const rowHeight = phone ? 58 : 34;
  source.version.value; // eslint-disable-line no-unused-expressions -- subscribes this component
  const total = source.length;
  const view = useWindow(box, total, rowHeight);
  useEffect(() => () => source.close(), [source]);
  useEffect(() => {
    current.value = 0;
    selection.value = new Set();
    setAll(false);
    box.current.scrollTop = 0;
  }, [source]);
  useEffect(() => source.ensure(view.first, Math.max(view.last, 1)), [source, view.first, view.last]);
  useEffect(() => {
    if (box.current) reveal(box.current, current.value, rowHeight);
  }, [current.value]);
  pageKeys.source = source;

  const chosen = selection.value;
  const act = async (name) => {
    const jobs = all ? await matching(fields) : [...chosen].map((id) => jobSignal(id)?.peek()).filter(Boolean);
    if (await perform(name, jobs)) {
      selection.value = new Set();
      setAll(false);
    }
  };
  const selectShown = (event) => {
    selection.value = event.target.checked ? new Set(source.ids.slice(0, source.ids.length).filter(Boolean)) : new Set();
    setAll(false);
  };
  const group = query.get("state") || "all";
  const several = Object.keys(hosts.value).length > 0;
  const rows = [];
  const groupAt = (index) => groupOf(jobSignal(source.ids[index])?.peek());
  for (let index = view.first; index < view.last; index += 1) {
    const id = source.ids[index];
    rows.push(id
      ? html`<${Row} key=${id} id=${id} index=${index} isCurrent=${current.value === index} phone=${phone}
          group=${fields.sort === "turn" && (index === 0 || groupAt(index) !== groupAt(index - 1)) ? groupAt(index) : ""} />`
      : html`<div key=${`empty-${index}`} class="job-row loading" aria-hidden="true"><span class="ghost"></span></div>`);
  }
  return html`<section class="page jobs-page" aria-label="Jobs">
    <header class="page-head">
      <h1>Jobs</h1>
      <div class="segments" role="group" aria-label="State">
        ${Object.keys(GROUPS).map((each) => html`<button key=${each} aria-pressed=${group === each} onClick=${() => setFilter("state", each === "all" ? "" : each)}>${each}</button>`)}
      </div>
      <span class="grow"></span>
      ${!readOnly.value && html`<button class="primary" onClick=${() => openDispatch()}>Dispatch</button>`}
    </header>
    <div class="filters">
      <input id="jobs-search" type="search" placeholder="Search  /" aria-label="Search jobs" value=${query.get("search") || ""} onInput=${(event) => setFilter("search", event.target.value)} />
      <select aria-label="Project" value=${query.get("project") || ""} onChange=${(event) => setFilter("project", event.target.value)}>
        <option value="">all projects</option>
        ${projects.value.map((each) => html`<option value=${each.name}>${each.name}</option>`)}
      </select>
      ${several && html`<select aria-label="Host" value=${query.get("host") || ""} onChange=${(event) => setFilter("host", event.target.value)}>
        <option value="">all hosts</option>
        ${[HERE, ...Object.keys(hosts.value)].map((each) => html`<option value=${each}>${each}</option>`)}
      </select>`}
      <select aria-label="Agent" value=${query.get("agent") || ""} onChange=${(event) => setFilter("agent", event.target.value)}>
        <option value="">all agents</option>
        ${agents.value.map((each) => html`<option value=${each.name}>${each.name}</option>`)}
      </select>
      <select aria-label="Age" value=${query.get("since") || ""} onChange=${(event) => setFilter("since", event.target.value)}>
        <option value="">any time</option><option value="1">last hour</option><option value="24">last day</option><option value="168">last week</option>
      </select>
      <select aria-label="Order" value=${fields.sort} onChange=${(event) => setFilter("sort", event.target.value)}>
        ${Object.entries(SORTS).map(([name, label]) => html`<option value=${name}>${label}</option>`)}
      </select>
      <input class="tags" aria-label="Tags" placeholder="tag=value" value=${query.get("tags") || ""} onChange=${(event) => setFilter("tags", event.target.value)} />
      <span class="muted num" aria-live="polite">${source.complete || source.isWhole ? plural(total, "job") : ""}</span>
    </div>
    ${(chosen.size > 0 || all) && html`<div class="selection" role="toolbar" aria-label="Selected jobs">
      <strong>${all ? "All that match" : plural(chosen.size, "job")}</strong>
      ${!all && html`<button class="plain" onClick=${() => setAll(true)}>Select all that match</button>`}
      <span class="grow"></span>
      ${["cancel", "retry", "pause", "resume", "hold", "release", "remove"].map((name) => html`<button key=${name} disabled=${readOnly.value} class=${ACTIONS[name].danger ? "danger" : ""} onClick=${() => act(name)}>${ACTIONS[name].label}</button>`)}
      <button class="plain" onClick=${() => { selection.value = new Set(); setAll(false); }}>Clear</button>
    </div>`}
    ${fields.search && html`<${Found} fields=${fields} />`}
    <div class=${`job-table ${several ? "with-hosts" : ""}`} role="table" aria-label="Jobs" aria-rowcount=${total + 1}>
      <div class="job-row job-head" role="row">
        <span class="cell-check" role="columnheader"><input type="checkbox" aria-label="Select the loaded jobs" checked=${chosen.size > 0 && chosen.size === source.ids.filter(Boolean).length} onChange=${selectShown} /></span>
        <span class="cell-state" role="columnheader">state</span><span class="cell-task" role="columnheader">task</span>
        <span class="cell-progress" role="columnheader">progress</span>${several && html`<span class="cell-host" role="columnheader">host</span>`}<span class="cell-project" role="columnheader">project</span>
        <span class="cell-agent" role="columnheader">agent</span><span class="cell-cost num" role="columnheader">cost</span>
        <span class="cell-time num" role="columnheader">time</span><span class="cell-age num" role="columnheader">age</span>
      </div>
      <div class="job-scroll" ref=${box} role="rowgroup" tabindex="0" aria-label="List of jobs">
        <${Rows} view=${view}>${rows}<//>
        ${source.ready.value && total === 0 && html`<${Empty} title=${key ? "No job matches." : "There are no jobs yet."}>${key ? html`<a href=${href("jobs")}>Show all jobs</a>` : "Dispatch one, here or with `luzia PROJECT TASK`."}<//>`}
        ${source.problem.value && html`<p class="problem">${source.problem.value.message}</p>`}
      </div>
    </div>
  </section>`;
}

/** What the keys of the page do. */
export const pageKeys = {
  source: null,
  move(step) {
    const last = Math.max(0, pageKeys.source.length - 1);
    current.value = Math.min(last, Math.max(0, current.value + step));
  },
  first() { current.value = 0; },
  last() { current.value = Math.max(0, pageKeys.source.length - 1); },
  job: () => jobSignal(pageKeys.source?.ids[current.value])?.peek(),
  open() {
    const job = pageKeys.job();
    if (job) go("job", [job.id]);
  },
  select() {
    const job = pageKeys.job();
    if (!job) return;
    const next = new Set(selection.value);
    if (!next.delete(job.id)) next.add(job.id);
    selection.value = next;
  },
};
