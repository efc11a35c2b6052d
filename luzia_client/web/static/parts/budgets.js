// The daily budgets: what is left of them, and when they are used up at the pace of today.

import { html } from "../vendor/preact.js";
import { clock, money } from "../core/format.js";
import { now } from "../core/live.js";
import { burnDown } from "../core/spending.js";

const WIDTH = 240;
const HEIGHT = 44;

function forecast({ spent_usd: spent, limit_usd: limit, used_up_at: at }) {
  if (spent >= limit) return { text: "used up", tone: "tone-bad" };
  if (at) return { text: `used up at about ${clock(Date.parse(at))} at this pace (estimate)`, tone: "tone-ask" };
  return { text: "enough for today at this pace (estimate)", tone: "muted" };
}

/** What was left in the course of the day, and how it goes on at this pace: both axes begin at 0, the day has 24 hours. */
function BurnDown({ label, points, byEnd, limit }) {
  const x = (share) => (share * WIDTH).toFixed(1);
  const y = (left) => ((1 - Math.min(1, Math.max(0, left / limit))) * (HEIGHT - 2) + 1).toFixed(1);
  const steps = points.map(([share, left], index) => (index ? `H${x(share)}V${y(left)}` : `M${x(share)},${y(left)}`)).join("");
  const [last, left] = points[points.length - 1];
  const end = limit - byEnd;
  const until = end < 0 && left > 0 ? last + (1 - last) * (left / (left - end)) : 1;
  return html`<svg class="burn" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label=${`What was left of the budget of ${label} today`}>
    <path class="burn-base" d=${`M0,${HEIGHT - 1}H${WIDTH}`} />
    <path class="burn-area" d=${`${steps}V${HEIGHT}H0Z`} /><path class="burn-line" d=${steps} />
    <path class="burn-pace" d=${`M${x(last)},${y(left)}L${x(until)},${y(Math.max(0, end))}`} /></svg>`;
}

/** budgets: those of the reply to `spend`. jobs: those of the last days. isOf(project): whether a job counts for it. */
export function Budgets({ budgets, jobs, isOf }) {
  if (!budgets.length) return html`<p class="muted">There is no daily budget. Set <code>max_cost_usd_per_day</code> in the configuration, for a project or for all.</p>`;
  return html`<ul class="budgets">${budgets.map((budget) => {
    const { limit_usd: limit, spent_usd: spent, by_end_usd: byEnd } = budget;
    const name = budget.project ?? "all projects";
    const { text, tone } = forecast(budget);
    return html`<li key=${name} class="budget" aria-label=${`Budget of ${name}`}>
      <div class="row wrap"><strong>${name}</strong><span class="grow"></span><span class="num">${money(spent)} of ${money(limit)}</span></div>
      <${BurnDown} label=${name} points=${burnDown(jobs.filter(isOf(budget.project)), spent, limit, now.value)} byEnd=${byEnd} limit=${limit} />
      <div class=${tone}>${text}</div></li>`;
  })}</ul>`;
}
