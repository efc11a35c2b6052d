// The limits board: which account is reset when, and which jobs start then.

import { html, useEffect, useState } from "../vendor/preact.js";
import { call, list } from "../core/api.js";
import { clock, duration, plural, title } from "../core/format.js";
import { now, readOnly } from "../core/live.js";
import { href } from "../core/router.js";
import { attempt } from "./ui.js";

const MOST_SHOWN = 5;

/** agents: names -> when the usage limit of their account is reset. */
export function Limits({ agents, reload }) {
  const [waiting, setWaiting] = useState({});
  const key = Object.entries(agents).join();
  useEffect(() => {
    let live = true;
    const read = async () => {
      const found = {};
      for (const agent of Object.keys(agents)) {
        const page = await list({ states: ["queued"], agents: [agent], sort: "turn", limit: 1000 });
        found[agent] = page.jobs.filter((job) => (job.reason || "").startsWith("usage limit of "));
      }
      if (live) setWaiting(found);
    };
    attempt(read);
    return () => { live = false; };
  }, [key]);
  const names = Object.keys(agents).sort();
  const resume = async (agent) => {
    if (await attempt(() => call("resume_agent", { agent }), `${agent} has been resumed`)) reload();
  };
  return html`<section aria-label="Limits"><h2>Limits</h2>
    ${!names.length && html`<p class="muted">No account has reached its usage limit.</p>`}
    <ul class="entries">${names.map((agent) => {
      const jobs = waiting[agent] || [];
      const left = Math.max(0, (Date.parse(agents[agent]) - now.value) / 1000);
      return html`<li key=${agent} class="entry"><div class="entry-main">
        <div class="row wrap"><strong class="entry-title">${agent}</strong><span>resets at <span class="num">${clock(agents[agent])}</span></span><span class="muted num">in ${duration(left)}</span></div>
        <p class="doing-line">${jobs.length ? `${plural(jobs.length, "job")} can start then:` : "No job waits for it."}</p>
        <ul class="plain-list">${jobs.slice(0, MOST_SHOWN).map((job) => html`<li key=${job.id}><a href=${href("job", [job.id])}>${title(job)}</a> <span class="muted">${job.project.split("/").pop()}</span></li>`)}
          ${jobs.length > MOST_SHOWN && html`<li><a href=${href("jobs", [], { state: "queued", agent })}>and ${jobs.length - MOST_SHOWN} more</a></li>`}</ul></div>
        ${!readOnly.value && html`<div class="entry-actions"><button onClick=${() => resume(agent)}>Resume now</button></div>`}</li>`;
    })}</ul></section>`;
}
