// What needs a person: questions, failures, finished work, limits, and jobs without progress. Empty is a good state.

import { computed, html, signal } from "../vendor/preact.js";
import { HERE, hostOf, hosts, isAway } from "../core/api.js";
import { listAll } from "../core/hosts_list.js";
import { FAILED, age, clock, doing, duration, plural, title } from "../core/format.js";
import { epoch, isMinor, jobSignal, listen, now, putAll, queues, readOnly } from "../core/live.js";
import { href } from "../core/router.js";
import { perform } from "../parts/job_actions.js";
import { Question } from "../parts/question.js";
import { Collisions, Empty, State } from "../parts/ui.js";

const REFRESH_MS = 500;
const FAILURE_HOURS = 48;
const SILENT_S = 600;
const MOST = 100;

const SEEN = "luzia.seen";
const seen = signal(JSON.parse(localStorage.getItem(SEEN) || "{}"));
function markSeen(jobs) {
  const next = { ...seen.value };
  for (const job of jobs) next[job.id] = job.ended_at;
  seen.value = Object.fromEntries(Object.entries(next).slice(-2000));
  localStorage.setItem(SEEN, JSON.stringify(seen.value));
}
const isSeen = (job) => seen.value[job.id] !== undefined && seen.value[job.id] === job.ended_at;

/** Ids by group, as they were listed. */
const groups = signal(null);
const limitOf = (job) => /usage limit of (.+?) until (.*)/.exec(job.reason || "");

let tookMs = 0;
async function read() {
  const begin = performance.now();
  const since = new Date(Date.now() - FAILURE_HOURS * 3600e3).toISOString();
  const [waiting, ended, running, queued] = await Promise.all([
    listAll({ states: ["waiting"], limit: MOST }),
    listAll({ states: [...FAILED, "completed"], sort: "ended", since, limit: MOST }),
    listAll({ states: ["running"], limit: MOST }),
    listAll({ states: ["queued"], limit: MOST }),
  ]);
  for (const page of [waiting, ended, running, queued]) putAll(page.jobs);
  tookMs = performance.now() - begin;
  const ids = (jobs) => jobs.map((job) => job.id);
  groups.value = {
    waiting: ids(waiting.jobs),
    failed: ids(ended.jobs.filter((job) => FAILED.includes(job.state))),
    review: ids(ended.jobs.filter((job) => job.state === "completed" && (job.worktree || job.review === "wanted"))),
    running: ids(running.jobs),
    limited: ids(queued.jobs.filter((job) => limitOf(job) || job.held_at)),
  };
}

let timer = null;
let watching = false;
/** Keep the inbox up to date from now on, also while another page is shown: the title has its count. */
export function watchInbox() {
  if (watching) return;
  watching = true;
  const soon = () => {
    timer ??= setTimeout(() => {
      timer = null;
      read().catch((error) => {
        if (!error.code) throw error;
      });
    }, Math.max(REFRESH_MS, 5 * tookMs)); // lists that take the daemon long are requested less often
  };
  listen((event) => !isMinor(event) && soon());
  epoch.subscribe(soon);
}

/** The host whose jobs the page shows; empty for all. */
const chosenHost = signal("");
const jobsOf = (ids) => ids.map((id) => jobSignal(id)?.value).filter(Boolean);
const isSilent = (job) => job.state === "running" && job.activity?.last_sign_at && (now.value - Date.parse(job.activity.last_sign_at)) / 1000 > SILENT_S;

function needs() {
  const found = groups.value;
  if (!found) return null;
  return {
    waiting: jobsOf(found.waiting).filter((job) => job.state === "waiting"),
    review: jobsOf(found.review).filter((job) => job.state === "completed" && (job.review === "wanted" || (job.worktree && !isSeen(job)))),
    failed: jobsOf(found.failed).filter((job) => FAILED.includes(job.state) && !isSeen(job)),
    limited: jobsOf(found.limited).filter((job) => job.state === "queued" && (limitOf(job) || job.held_at)),
    silent: jobsOf(found.running).filter(isSilent),
  };
}

/** How many jobs need a person: what shows it is made again only when the number changes. */
export const needsCount = computed(() => Object.values(needs() || {}).reduce((sum, jobs) => sum + jobs.length, 0));

const Line = ({ job, children, actions }) => html`<li class="entry">
  <div class="entry-main">
    <div class="row top"><a class="entry-title grow" href=${href("job", [job.id])}>${title(job)}</a><span class="muted num">${age(job.ended_at || job.created_at, now.value)}</span></div>
    <div class="row wrap muted"><${State} state=${job.state} /><span>${job.project.split("/").pop()}</span><span>${job.agent}</span><code>${job.id}</code>${isAway(job.id) && html`<strong>unreachable: as it was last known</strong>`}</div>
    <${Collisions} job=${job} />
    ${children}
  </div>
  ${actions && !readOnly.value && html`<div class="entry-actions">${actions}</div>`}
</li>`;

const Group = ({ label, jobs, hint, action, children }) => (jobs.length ? html`<section class="group" aria-label=${label}>
  <header class="row"><h2>${label} <span class="pill num">${jobs.length}</span></h2><span class="muted hide-phone">${hint}</span><span class="grow"></span>${action}</header>
  <ul class="entries">${jobs.map(children)}</ul></section>` : null);

export function InboxPage() {
  const all = needs();
  const isShown = (job) => !chosenHost.value || hostOf(job.id) === chosenHost.value;
  const found = all && Object.fromEntries(Object.entries(all).map(([name, jobs]) => [name, jobs.filter(isShown)]));
  const paused = queues.value.everything || queues.value.draining;
  if (!found) return html`<section class="page"><header class="page-head"><h1>Inbox</h1></header><p class="muted pad">Loading…</p></section>`;
  const total = Object.values(found).reduce((sum, jobs) => sum + jobs.length, 0);
  return html`<section class="page inbox" aria-label="Inbox">
    <header class="page-head"><h1>Inbox</h1><span class="muted">${total ? `${plural(total, "job")} ${total === 1 ? "needs" : "need"} you` : ""}</span><span class="grow"></span>
      ${Object.keys(hosts.value).length > 0 && html`<select aria-label="Host" value=${chosenHost.value} onChange=${(event) => { chosenHost.value = event.target.value; }}>
        <option value="">all hosts</option>${[HERE, ...Object.keys(hosts.value)].map((each) => html`<option value=${each}>${each}</option>`)}</select>`}</header>
    <div class="scroll">
      ${paused && html`<p class="note">${queues.value.draining ? "The queue is draining" : "Everything has been paused"} since ${clock(paused)}. No jobs start.</p>`}
      <${Group} label="Questions" hint="the agent waits for the answer" jobs=${found.waiting}>
        ${(job) => html`<${Line} key=${job.id} job=${job}>${job.question ? html`<${Question} job=${job} question=${job.question} />` : html`<p class="doing-line">${job.reason}</p>`}<//>`}
      <//>
      <${Group} label="Work to review" hint="completed in a worktree" jobs=${found.review} action=${html`<button class="plain" onClick=${() => markSeen(found.review)}>Mark all as seen</button>`}>
        ${(job) => html`<${Line} key=${job.id} job=${job} actions=${html`<a class="button" href=${href("job", [job.id, "changes"])}>Review</a>${job.review === "wanted" ? html`<button onClick=${() => perform("accept", [job])}>Accept</button><button onClick=${() => perform("reject", [job])}>Reject</button>` : html`<button class="plain" onClick=${() => markSeen([job])}>Seen</button>`}`}><p class="doing-line">${job.activity?.last_message || ""}</p><//>`}
      <//>
      <${Group} label="Failures" hint="of the last two days" jobs=${found.failed} action=${html`<button class="plain" onClick=${() => markSeen(found.failed)}>Mark all as seen</button>`}>
        ${(job) => html`<${Line} key=${job.id} job=${job} actions=${html`<button onClick=${() => perform("retry", [job])}>Retry</button><button class="plain" onClick=${() => markSeen([job])}>Seen</button>`}><p class="doing-line tone-bad">${job.reason || job.outcome}</p><//>`}
      <//>
      <${Group} label="Waiting for a limit or a release" hint="" jobs=${found.limited}>
        ${(job) => html`<${Line} key=${job.id} job=${job} actions=${job.held_at ? html`<button onClick=${() => perform("release", [job])}>Release</button>` : null}><p class="doing-line">${doing(job)}</p><//>`}
      <//>
      <${Group} label="Without progress" hint="no output for more than ten minutes" jobs=${found.silent}>
        ${(job) => html`<${Line} key=${job.id} job=${job} actions=${html`<button class="danger" onClick=${() => perform("cancel", [job])}>Cancel</button>`}><p class="doing-line">last output ${duration((now.value - Date.parse(job.activity.last_sign_at)) / 1000)} ago</p><//>`}
      <//>
      ${total === 0 && html`<${Empty} title="Nothing needs you.">Questions, failures and finished work appear here as they come.<//>`}
    </div>
  </section>`;
}
