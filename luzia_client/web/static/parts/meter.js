// How much of something is used: a bar with its numbers.

import { html } from "../vendor/preact.js";

/** used, total: numbers of one unit. high: the share from which the bar warns. */
export function Meter({ label, used, total, text, high = 0.9 }) {
  const share = total > 0 ? Math.min(1, Math.max(0, used / total)) : 0;
  return html`<div class="meter">
    <div class="row"><span>${label}</span><span class="grow"></span><span class="num">${text}</span></div>
    <svg class=${`meter-bar ${share >= high ? "high" : ""}`} viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label=${`${label}: ${Math.round(share * 100)} %`}>
      <rect class="meter-all" width="100" height="6" /><rect class="meter-used" width=${share * 100} height="6" /></svg>
  </div>`;
}
