// The course of a daily budget. Sums, paces and forecasts are the daemon's, as `luzia spend` shows them.

const DAY_MS = 86400e3;

export const dayOf = (when) => {
  const date = new Date(when);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
};

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
