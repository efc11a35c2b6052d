// The jobs of this machine and of all other hosts in one list.

import { HERE, hosts, list } from "./api.js";
import { isFinal } from "./format.js";
import { knownJobs } from "./live.js";

const MOST_A_REQUEST = 1000;
const PATIENCE_MS = 3000;

const time = (text) => (text ? Date.parse(text) : 0);
const words = (read) => (one, other) => read(one).localeCompare(read(other));
const rank = (job) => (job.state === "waiting" ? 0 : isFinal(job.state) ? 3 : job.state === "queued" ? 2 : 1);

function byTurn(one, other) {
  const place = rank(one);
  if (place !== rank(other)) return place - rank(other);
  if (place === 3) return time(other.ended_at) - time(one.ended_at);
  if (place === 2) return (other.priority || 0) - (one.priority || 0) || time(one.created_at) - time(other.created_at);
  return time(other.created_at) - time(one.created_at);
}

const ORDERS = {
  turn: byTurn,
  created: (one, other) => time(other.created_at) - time(one.created_at),
  ended: (one, other) => time(other.ended_at) - time(one.ended_at),
  duration: (one, other) => (other.duration_s || 0) - (one.duration_s || 0),
  cost: (one, other) => (other.activity?.cost_usd || 0) - (one.activity?.cost_usd || 0),
  priority: (one, other) => (other.priority || 0) - (one.priority || 0),
  project: words((job) => job.project),
  agent: words((job) => job.agent),
  state: words((job) => job.state),
};

/** The first `wanted` jobs of a host, or more. */
async function rowsOf(host, fields, wanted) {
  const rows = [];
  let cursor = null;
  do {
    const page = await list({ ...fields, host, limit: Math.min(wanted - rows.length, MOST_A_REQUEST), cursor });
    rows.push(...page.jobs);
    cursor = page.next ?? null;
  } while (cursor !== null && rows.length < wanted);
  return { rows, more: cursor !== null };
}

/** What is known of the jobs of a host that cannot be reached. */
const lastKnown = (host, fields) => ({ rows: knownJobs(host, fields), more: false });

/** The same for another host: one that does not answer in time is taken as it was last known. */
async function farRowsOf(host, fields, wanted) {
  if (!hosts.value[host]?.up) return lastKnown(host, fields);
  let timer = null;
  const late = new Promise((resolve) => { timer = setTimeout(resolve, PATIENCE_MS, null); });
  try {
    return (await Promise.race([rowsOf(host, fields, wanted), late])) || lastKnown(host, fields);
  } catch (error) {
    if (!error.code) throw error;
    return lastKnown(host, fields);
  } finally {
    clearTimeout(timer);
  }
}

/** A page of the jobs of all hosts, or of `host` only. The cursor is the number of rows before it. */
export async function listAll({ limit, cursor, host = "", ...fields }) {
  const names = host ? [host] : [HERE, ...Object.keys(hosts.value)];
  if (names.length === 1 && names[0] === HERE) return list({ ...fields, limit, cursor });
  const begin = cursor || 0;
  const end = begin + limit;
  const found = await Promise.all(names.map((name) => (name === HERE ? rowsOf : farRowsOf)(name, fields, end)));
  const order = ORDERS[fields.sort] || ORDERS.created;
  const rows = found.flatMap((each) => each.rows).sort(order);
  const more = rows.length > end || found.some((each) => each.more);
  return { jobs: rows.slice(begin, end), next: more ? end : null };
}
