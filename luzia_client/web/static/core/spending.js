// What jobs have cost: sums by project, agent, model and day, and the pace of today.

const DAY_MS = 86400e3;

export const dayOf = (when) => {
  const date = new Date(when);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
};

const empty = () => ({ cost: 0, tokens: 0, hours: 0, jobs: 0, failed: 0, unknown: 0 });

function add(sums, job) {
  const activity = job.activity || {};
  sums.jobs += 1;
  sums.cost += activity.cost_usd || 0;
  if (activity.cost_usd === null || activity.cost_usd === undefined) sums.unknown += 1;
  sums.tokens += (activity.tokens_in || 0) + (activity.tokens_out || 0);
  sums.hours += (job.duration_s || 0) / 3600;
  if (["failed", "timed_out", "lost"].includes(job.state)) sums.failed += 1;
}

/** Sums of jobs in groups, the most expensive first: [[name, sums]]. */
export function groupBy(jobs, name) {
  const groups = new Map();
  for (const job of jobs) {
    const key = name(job);
    if (!groups.has(key)) groups.set(key, empty());
    add(groups.get(key), job);
  }
  return [...groups].sort((one, other) => other[1].cost - one[1].cost || other[1].hours - one[1].hours);
}

/** The sums of each of the last days, the oldest first, also of those without jobs: [[time, sums]]. */
export function byDay(jobs, days, today) {
  const found = new Map(groupBy(jobs, (job) => dayOf(job.created_at)));
  return Array.from({ length: days }, (_, index) => {
    const day = dayOf(today - (days - 1 - index) * DAY_MS);
    return [day, found.get(day) || empty()];
  });
}

/** What today will have cost at its end if it continues as until now. */
export function paceOfToday(cost, now) {
  const passed = now - dayOf(now);
  return passed > 0 ? (cost / passed) * DAY_MS : 0;
}

/** When a budget of today is used up at this pace: a time, or null when it is not. */
export function usedUpAt(cost, budget, now) {
  const passed = now - dayOf(now);
  if (cost <= 0 || passed <= 0) return null;
  const at = dayOf(now) + (budget / cost) * passed;
  return at < dayOf(now) + DAY_MS ? Math.max(at, now) : null;
}

/**
 * What was left of a budget in the course of today: [[share of the day, left]], from midnight until now.
 * spent: by the daemon's count; what the known jobs do not explain is taken from the beginning.
 */
export function burnDown(jobs, spent, budget, now) {
  const begin = dayOf(now);
  const share = (time) => Math.min(1, Math.max(0, (time - begin) / DAY_MS));
  const ends = jobs
    .filter((job) => job.activity?.cost_usd && (job.ended_at ? Date.parse(job.ended_at) : now) >= begin && Date.parse(job.created_at) >= begin)
    .map((job) => [job.ended_at ? Date.parse(job.ended_at) : now, job.activity.cost_usd])
    .sort((one, other) => one[0] - other[0]);
  const known = ends.reduce((sum, [, cost]) => sum + cost, 0);
  const scale = known > spent && known > 0 ? spent / known : 1;
  let left = budget - Math.max(0, spent - known);
  const points = [[0, left]];
  for (const [time, cost] of ends) {
    left -= cost * scale;
    points.push([share(time), left]);
  }
  points.push([share(now), left]);
  return points;
}
