// A list of jobs at the server, of which only the pages that are seen are here, and kept up to date.

import { signal } from "../vendor/preact.js";
import { hosts } from "./api.js";
import { listAll } from "./hosts_list.js";
import { PAGE, counts, epoch, isMinor, listen, putAll, takeNewest } from "./live.js";

const REFRESH_GAP_MS = 700;
const CLOSED = ["created"]; // the orders whose cursor is no offset: their pages are loaded one after another

export class JobsList {
  /** query: fields of the op `list`, without limit and cursor. isWhole: no filter besides states, so counts are totals. */
  constructor(query) {
    this.query = query;
    this.isSequential = CLOSED.includes(query.sort) && !query.reverse;
    this.isWhole = !query.host && !query.search && !query.projects?.length && !query.agents?.length && !Object.keys(query.tags || {}).length && !query.since && !query.parent;
    this.ids = [];
    this.cursors = new Map([[0, null]]); // number of a page -> its cursor
    this.loaded = new Set();
    this.busy = new Set();
    this.complete = false;
    this.version = signal(0);
    this.problem = signal(null);
    this.ready = signal(false);
    this.range = [0, PAGE];
    this.refreshing = null;
    this.lastRefresh = 0;
    this.tookMs = 0;
    const first = this.isSequential && this.isWhole && !query.states?.length ? takeNewest() : null;
    if (first) this.take(0, first);
    this.stops = [
      listen((event) => {
        if (!isMinor(event)) this.refreshSoon();
      }),
      hosts.subscribe(() => {
        if (this.hasHosts) this.refreshSoon(); // rows of a host that is back, or is away now
        this.hasHosts = Object.keys(hosts.peek()).length > 0;
      }),
      epoch.subscribe((value) => {
        if (this.epoch !== undefined && value !== this.epoch) this.refreshSoon();
        this.epoch = value;
      }),
    ];
  }

  close() {
    for (const stop of this.stops) stop();
    clearTimeout(this.refreshing);
  }

  /** How many rows the list has, as far as it is known. */
  get length() {
    if (this.complete) return this.ids.length;
    if (this.isSequential || !this.isWhole) return this.ids.length + (this.ready.value ? PAGE : 0);
    const states = this.query.states?.length ? this.query.states : Object.keys(counts.value);
    const total = states.reduce((sum, state) => sum + (counts.value[state] || 0), 0);
    return Math.max(total, this.ids.length);
  }

  /** Load what is needed to show the rows from `first` to `last`. */
  ensure(first, last) {
    this.range = [first, last];
    for (let page = Math.floor(first / PAGE); page * PAGE < last; page += 1) this.load(page);
  }

  cursorOf(page) {
    if (!this.isSequential) return page === 0 ? null : page * PAGE;
    return this.cursors.get(page);
  }

  async load(page, again = false) {
    if (this.busy.has(page)) {
      if (again) this.refreshSoon(); // what is being loaded may be from before the change
      return;
    }
    if (!again && this.loaded.has(page)) return;
    if (this.isSequential && !this.cursors.has(page)) return;
    const cursor = this.cursorOf(page);
    this.busy.add(page);
    try {
      this.take(page, await listAll({ ...this.query, limit: PAGE, cursor }));
    } catch (error) {
      if (!error.code) throw error;
      this.problem.value = error;
    } finally {
      this.busy.delete(page);
      this.ready.value = true;
      this.version.value += 1;
    }
  }

  /** Take in what the server lists as a page. */
  take(page, found) {
    putAll(found.jobs);
    const begin = page * PAGE;
    found.jobs.forEach((job, index) => {
      this.ids[begin + index] = job.id;
    });
    if (found.next === null || found.next === undefined) {
      this.ids.length = begin + found.jobs.length;
      this.complete = true;
    } else {
      if (this.ids.length <= begin + PAGE) this.complete = false;
      this.cursors.set(page + 1, found.next);
    }
    this.loaded.add(page);
    this.ready.value = true;
    this.problem.value = null;
  }

  refreshSoon() {
    if (this.refreshing) return;
    // A list that takes the daemon long is requested less often.
    const wait = Math.max(0, this.lastRefresh + Math.max(REFRESH_GAP_MS, 5 * this.tookMs) - performance.now());
    this.refreshing = setTimeout(() => this.refresh(), wait);
  }

  /** Load the visible pages again; the others are loaded again when they are seen. */
  async refresh() {
    this.refreshing = null;
    this.lastRefresh = performance.now();
    const [first, last] = this.range;
    const begin = Math.floor(first / PAGE);
    this.loaded.clear();
    for (let page = begin; page * PAGE < Math.max(last, first + 1); page += 1) await this.load(page, true);
    this.tookMs = performance.now() - this.lastRefresh;
  }
}
