// What `luzia doctor` finds: problems and warnings with their remedies, and what has passed.

import { html, signal, useEffect, useState } from "../vendor/preact.js";
import { get } from "../core/api.js";
import { clock, plural } from "../core/format.js";
import { attempt } from "./ui.js";

const FRESH_MS = 300000;
const TONES = { "✓": "good", "!": "ask", "✗": "bad" };
const WORDS = { "✓": "passed", "!": "warning", "✗": "problem" };

/** The last findings, and when they were made: `{ findings, at }`. */
const last = signal(null);

const Finding = ({ finding }) => html`<li class="finding"><span class=${`tone-${TONES[finding.mark]}`}><span aria-hidden="true">${finding.mark}</span><span class="sr">${WORDS[finding.mark]}:</span></span>
  <div class="grow"><div>${finding.text}</div>${finding.remedy && finding.mark !== "✓" && html`<div class="muted">${finding.remedy}</div>`}</div></li>`;

export function DoctorFindings() {
  const [busy, setBusy] = useState(false);
  const examine = async () => {
    setBusy(true);
    const findings = await attempt(() => get("/api/doctor"));
    if (findings) last.value = { findings, at: Date.now() };
    setBusy(false);
  };
  useEffect(() => {
    if (!last.value || Date.now() - last.value.at > FRESH_MS) examine();
  }, []);
  const { findings = [], at } = last.value || {};
  const open = findings.filter((each) => each.mark !== "✓");
  const passed = findings.filter((each) => each.mark === "✓");
  return html`<section aria-label="Doctor" aria-busy=${busy}><header class="row"><h2>Doctor</h2><span class="muted">${busy ? "checking…" : at ? `at ${clock(at)}` : ""}</span><span class="grow"></span>
      <button disabled=${busy} onClick=${examine}>Check again</button></header>
    ${at && html`<ul class="findings">${open.map((each) => html`<${Finding} key=${each.text} finding=${each} />`)}
      ${!open.length && html`<li class="finding"><span class="tone-good" aria-hidden="true">✓</span><div>No problems were found.</div></li>`}</ul>
    <details><summary>${plural(passed.length, "check")} passed</summary><ul class="findings">${passed.map((each) => html`<${Finding} key=${each.text} finding=${each} />`)}</ul></details>`}
  </section>`;
}
