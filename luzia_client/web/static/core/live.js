// The jobs as they are now: lists first, then events after the seq of the list, each once and in order.

import { batch, computed, signal } from "../vendor/preact.js";
import { HERE, call, get, hostOf, hosts, list, setHost, stream } from "./api.js";

const MOST_KEPT = 20000;
const COUNT_GAP_MS = 400;
const HOST_RETRY_MS = 5000;
const SHOW_GAP_MS = 100; // fast enough for a person, and leaves time to scroll while fifty jobs report

/** Jobs by state. */
export const counts = signal({});
export const queues = signal({ everything: null, projects: {}, draining: null });
export const notices = signal([]);
/** Grows when everything must be listed again, because events are missing. */
export const epoch = signal(0);
/** The wall clock, for ages: it moves only while the page is visible. */
export const now = signal(Date.now());
export const readOnly = signal(false);
export const version = signal("");

/** How many jobs a page of a list has. */
export const PAGE = 100;

let seq = null;
let newest = null;
const jobs = new Map();
const listeners = new Set();
let pending = [];
let scheduled = false;
let shownAt = 0;

/** What is known of the jobs of a host, without asking it. */
export function knownJobs(host, { states = [], projects = [], agents = [], search = "" }) {
  const wanted = search.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (job) => (!states.length || states.includes(job.state)) && (!projects.length || projects.includes(job.project))
    && (!agents.length || agents.includes(job.agent)) && wanted.every((word) => `${job.id} ${job.task}`.toLowerCase().includes(word));
  return [...jobs.values()].map((held) => held.peek()).filter((job) => hostOf(job.id) === host && fits(job));
}

/** The signal of a job that has been listed. */
export const jobSignal = (id) => jobs.get(id);

/** Keep a job as a list or a status shows it, unless a newer state is known. */
export function put(job) {
  const known = jobs.get(job.id);
  if (!known) {
    if (jobs.size >= MOST_KEPT) jobs.delete(jobs.keys().next().value);
    jobs.set(job.id, signal(job));
  } else if ((job.seq || 0) >= (known.peek().seq || 0)) known.value = job;
  return jobs.get(job.id);
}

export function putAll(page) {
  batch(() => page.forEach(put));
}

/** Call `heard(event)` for every event; returns a function to stop. */
export function listen(heard) {
  listeners.add(heard);
  return () => listeners.delete(heard);
}

/** Events that change neither counts nor the places of jobs in lists. */
export const isMinor = (event) => event.kind === "progress" || event.kind === "worktree";

function patched(job, event) {
  const next = { ...job, state: event.state, seq: event.seq };
  if (event.attempt) next.attempt = event.attempt;
  if (event.kind === "progress") {
    next.progress = event.progress;
    if (event.activity) next.activity = { ...job.activity, ...event.activity };
  } else if (event.kind === "starting") {
    Object.assign(next, { reason: null, started_at: null, ended_at: null, outcome: null, progress: null, duration_s: null });
  } else if (event.kind === "started") Object.assign(next, { started_at: event.at, pid: event.pid, reason: null });
  else if (event.kind === "asked") next.question = event.question;
  else if (event.kind === "answered") {
    if (event.state !== "waiting") next.question = null; // otherwise another one is open, and `asked` tells which
  } else if (event.kind === "ended") {
    const { outcome, reason = null, exit_code = null, signal: by = null } = event;
    Object.assign(next, { outcome, reason, exit_code, signal: by, ended_at: event.at, question: null });
    if (job.started_at) next.duration_s = (Date.parse(event.at) - Date.parse(job.started_at)) / 1000;
  } else if (event.kind === "requeued") Object.assign(next, { reason: event.reason, not_before: event.not_before });
  else if (event.kind === "stopping") next.reason = event.reason;
  else if (event.kind === "worktree") next.worktree = event.worktree;
  return next;
}

/** The job with what it has in common with another one, which is nothing any more without files. */
function collided(job, other, found) {
  const rest = (job.collisions || []).filter((each) => each.job !== other);
  return { ...job, collisions: found.file_count ? [{ ...found, job: other }, ...rest] : rest };
}

function flush() {
  scheduled = false;
  shownAt = performance.now();
  const events = pending;
  pending = [];
  batch(() => {
    for (const event of events) {
      const known = jobs.get(event.job);
      if (known && event.kind === "removed") jobs.delete(event.job);
      else if (known && event.seq > (known.peek().seq || 0)) known.value = patched(known.peek(), event);
      if (event.kind === "collision") {
        const other = jobs.get(event.collision.job);
        if (known) known.value = collided(known.peek(), event.collision.job, event.collision);
        if (other) other.value = collided(other.peek(), event.job, event.collision);
      }
    }
  });
  let major = false;
  for (const event of events) {
    major ||= !isMinor(event);
    for (const heard of listeners) heard(event);
  }
  if (major) countSoon();
}

function schedule() {
  if (scheduled) return;
  scheduled = true;
  const wait = shownAt + SHOW_GAP_MS - performance.now();
  if (document.hidden) setTimeout(flush, 0);
  else if (wait > 0) setTimeout(() => requestAnimationFrame(flush), wait);
  else requestAnimationFrame(flush);
}
document.addEventListener("visibilitychange", () => {
  if (scheduled) setTimeout(flush, 0);
  tick();
});

let counting = null;
let lastCount = 0;
function countSoon() {
  if (counting) return;
  counting = setTimeout(recount, Math.max(0, lastCount + COUNT_GAP_MS - performance.now()));
}

async function recount() {
  lastCount = performance.now();
  try {
    const others = Object.keys(hosts.value).filter((host) => hosts.value[host].up);
    await Promise.all([HERE, ...others].map(async (host) => takeCounts(await list({ limit: 1, host }), host)));
  } catch (error) {
    if (!error.code) throw error;
  } finally {
    counting = null;
  }
}

const pages = new Map(); // host -> its newest counts and notices
function takeCounts(page, host = HERE) {
  pages.set(host, page);
  const sums = {};
  for (const each of pages.values()) for (const [state, number] of Object.entries(each.counts)) sums[state] = (sums[state] || 0) + number;
  batch(() => {
    counts.value = sums;
    if (host === HERE) queues.value = page.queues || queues.value;
    notices.value = [...pages].flatMap(([name, each]) => (each.notices || []).map((notice) => (name === HERE ? notice : `${name}: ${notice}`)));
  });
}

const isActive = computed(() => ["starting", "running", "stopping", "waiting"].some((state) => counts.value[state]));
let ticking = null;
function tick() {
  clearTimeout(ticking);
  if (document.hidden) return;
  now.value = Date.now();
  // Ages change by the minute, but durations of what is running by the second: without active jobs little moves.
  ticking = setTimeout(tick, isActive.value ? 1000 : 30000);
}
isActive.subscribe(tick);

/** Start: list, then subscribe after the list. withJobs: the first page of the newest jobs is shown next. */
export async function start(withJobs) {
  const [about, page] = await Promise.all([get("/api/about"), list({ limit: withJobs ? PAGE : 1 })]);
  readOnly.value = about.read_only;
  version.value = about.version;
  hosts.value = Object.fromEntries((about.hosts || []).map((host) => [host, { up: null, message: "" }]));
  newest = withJobs && !about.hosts?.length ? page : null;
  subscribe(page);
  Object.keys(hosts.value).forEach(startHost);
}

/** List and subscribe on another host, and again until that succeeds. */
async function startHost(host) {
  let page;
  try {
    page = await list({ limit: 1, host });
  } catch (error) {
    if (!error.code) throw error;
    setHost(host, false, error.message);
    setTimeout(startHost, HOST_RETRY_MS, host);
    return;
  }
  let last = page.seq;
  takeCounts(page, host);
  stream(
    () => ({ op: "subscribe", after: last, host }),
    (kind, item) => {
      if (kind === "start") epoch.value += 1; // it is up now: its jobs are listed
      else if (kind === "event" && item.seq > last) {
        last = item.seq;
        pending.push(item);
        schedule();
      } else if (kind === "lagged" || kind === "error") setTimeout(startHost, HOST_RETRY_MS, host);
    },
  );
}

/** The newest jobs as `start` has listed them, once: the list that shows them first need not list them again. */
export function takeNewest() {
  const page = newest;
  newest = null;
  return page;
}

const relist = async () => subscribe(await list({ limit: 1 }));

function subscribe(page) {
  seq = page.seq;
  takeCounts(page);
  epoch.value += 1;
  stream(
    () => ({ op: "subscribe", after: seq }),
    (kind, item) => {
      if (kind === "event") {
        if (item.seq <= seq) return;
        seq = item.seq;
        pending.push(item);
        schedule();
      } else if (kind === "start") countSoon();
      else if (kind === "lagged" || kind === "error") relistSoon();
    },
  );
}

function relistSoon() {
  setTimeout(() => relist().catch((error) => (error.code ? relistSoon() : Promise.reject(error))), 500);
}

/** Make a request that changes a job, and show its new state at once. */
export async function act(op, job, fields = {}) {
  const change = await call(op, { job, ...fields });
  countSoon();
  return change;
}
