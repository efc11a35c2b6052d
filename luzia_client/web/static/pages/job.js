// One job: what it does, its output, its life, and what it has changed.

import { html, useEffect, useMemo, useState } from "../vendor/preact.js";
import { call, hostOf, hosts, isAway } from "../core/api.js";
import { bytes, count, doing, duration, fullTime, isFinal, money, ranFor, title } from "../core/format.js";
import { act, epoch, jobSignal, listen, now, put, readOnly } from "../core/live.js";
import { href, route } from "../core/router.js";
import { agents } from "../core/setup.js";
import { jobOfPage } from "../core/shown.js";
import { ACTIONS, perform } from "../parts/job_actions.js";
import { openDispatch } from "../parts/dispatch.js";
import { Changes } from "../parts/changes.js";
import { Graph } from "../parts/graph.js";
import { LogView } from "../parts/log_view.js";
import { Question } from "../parts/question.js";
import { Timeline } from "../parts/timeline.js";
import { Bar, Collisions, State, attempt } from "../parts/ui.js";

const REFRESH_MS = 300;

/** The job in full, read again after its events. */
function useJob(id) {
  const [full, setFull] = useState(null);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    let timer = null;
    let live = true;
    const read = async () => {
      timer = null;
      try {
        const { job } = await call("status", { job: id });
        put(job);
        if (live) setFull(job);
        if (live) setProblem(null);
      } catch (error) {
        if (!error.code) throw error;
        if (live) setProblem(error);
      }
    };
    const soon = () => {
      timer ??= setTimeout(read, REFRESH_MS);
    };
    read();
    const stops = [
      listen((event) => {
        if (event.job === id || event.job.startsWith(id)) soon();
      }),
      epoch.subscribe((value) => value > 1 && soon()),
    ];
    return () => {
      live = false;
      clearTimeout(timer);
      for (const stop of stops) stop();
    };
  }, [id]);
  return [full, problem];
}


export function JobPage() {
  const [id, tab = "output"] = route.value.rest;
  const [full, problem] = useJob(id);
  const live = full && jobSignal(full.id)?.value;
  const job = full && live ? { ...full, ...pickLive(live) } : null;
  jobOfPage.job = job;
  useEffect(() => () => { jobOfPage.job = null; }, []);
  if (!job) {
    return html`<section class="page"><h1 class="sr">Job ${id}</h1>${problem
      ? html`<div class="empty"><p class="empty-title">${problem.message}</p><p class="muted">${problem.hint} <a href=${href("jobs")}>Show all jobs</a></p></div>`
      : html`<p class="muted pad">Loading…</p>`}</section>`;
  }
  const tabs = { output: "Output", timeline: "Timeline", changes: "Changes", graph: "Graph", details: "Details" };
  if (!job.worktree && !job.discarded) delete tabs.changes;
  const shown = tabs[tab] ? tab : "output";
  const ran = ranFor(job, now.value);
  return html`<section class="page job-page" aria-label=${`Job ${job.id}`}>
    <header class="job-head-box">
      <div class="row wrap">
        <a class="back" href=${href("jobs")} aria-label="All jobs">‹</a>
        <h1 title=${job.task}>${title(job)}</h1>
      </div>
      <div class="row wrap job-facts">
        <span data-testid="state"><${State} state=${job.state} /></span>
        <code class="muted">${job.id}</code>
        <span>${job.project}</span><span>${job.agent}${job.activity?.model ? html` <span class="muted">${job.activity.model}</span>` : ""}</span>
        ${ran !== null && html`<span class="num">${duration(ran)}</span>`}
        ${job.activity?.cost_usd > 0 && html`<span class="num">${money(job.activity.cost_usd)}</span>`}
        ${job.attempt > 1 && html`<span class="muted">attempt ${job.attempt}</span>`}
        <${Bar} progress=${isFinal(job.state) ? null : job.progress} />
        <span class="grow"></span>
        ${!readOnly.value && Object.entries(ACTIONS).filter(([, each]) => each.fits(job)).map(
          ([name, each]) => html`<button key=${name} class=${each.danger ? "danger" : ""} onClick=${() => perform(name, [job])}>${each.label}</button>`)}
        ${!readOnly.value && html`<button onClick=${() => openDispatch({ project: job.project, task: job.task, host: hostOf(job.id) })}>Again…</button>`}
      </div>
      ${isAway(job.id) && html`<p class="problem" role="status">This is what was last known of the job: ${hosts.value[hostOf(job.id)].message || "its host is unreachable"}</p>`}
      ${doing(job) && !job.question && html`<p class="doing-line">${doing(job)}</p>`}
      <${Collisions} job=${job} />
      ${job.question && (job.activity?.asked?.length ? job.activity.asked : [job.question]).map((each) => html`<${Question} key=${each.id} job=${job} question=${each} />`)}
      <${Plan} activity=${job.activity} />
      <nav class="tabs" aria-label="Parts of the job">
        ${Object.entries(tabs).map(([name, label]) => html`<a key=${name} href=${href("job", [id, name])} aria-current=${shown === name ? "page" : undefined}>${label}</a>`)}
      </nav>
    </header>
    <div class="job-body">
      ${shown === "output" && agents.value.length > 0 && html`<${LogView} key=${job.id} job=${job} rendered=${!job.argv && agents.value.some((each) => each.name === job.agent && each.has_transcript)} />`}
      ${shown === "timeline" && html`<${Timeline} job=${job} />`}
      ${shown === "changes" && html`<${Changes} job=${job} />`}
      ${shown === "graph" && html`<${Graph} job=${job} />`}
      ${shown === "details" && html`<${Details} job=${job} />`}
    </div>
    ${shown === "output" && isFinal(job.state) && job.activity?.session && !readOnly.value && html`<${FollowUp} job=${job} />`}
  </section>`;
}

const LIVE = ["state", "progress", "reason", "outcome", "exit_code", "signal", "attempt", "started_at", "ended_at", "duration_s", "question", "collisions"];
function pickLive(live) {
  const found = Object.fromEntries(LIVE.filter((name) => name in live).map((name) => [name, live[name]]));
  return found;
}

function Plan({ activity }) {
  if (!activity?.plan?.length) return null;
  const { plan_done: done, plan_total: total } = activity;
  return html`<details class="plan"><summary>Plan ${total ? html`<span class="num">${done ?? 0} of ${total}</span>` : ""}</summary>
    <ul>${activity.plan.map((item, index) => html`<li key=${index} class=${`plan-${item.state}`}>${item.text}</li>`)}</ul></details>`;
}

export function FollowUp({ job, label = "Send a follow-up message to the agent" }) {
  const [text, setText] = useState("");
  const send = async (event) => {
    event.preventDefault();
    if (await attempt(() => act("send", job.id, { message: text }), "Sent")) setText("");
  };
  return html`<form class="follow-up" onSubmit=${send}>
    <input aria-label=${label} placeholder=${label} value=${text} onInput=${(event) => setText(event.target.value)} />
    <button disabled=${!text.trim()}>Send</button>
  </form>`;
}

function Details({ job }) {
  const activity = job.activity || {};
  const rows = useMemo(() => [
    ["Dispatched", fullTime(job.created_at)], ["Started", fullTime(job.started_at)], ["Ended", fullTime(job.ended_at)],
    ["Not before", fullTime(job.not_before)], ["Directory", job.cwd], ["Records", job.directory],
    ["Exit", job.signal || (job.exit_code ?? "")], ["Outcome", job.outcome], ["Reason", job.reason],
    ["Model", activity.model || job.model], ["Session", activity.session], ["Turns", activity.turns || ""],
    ["Tools", Object.entries(activity.tools || {}).map(([name, number]) => `${name} ${number}`).join(", ")],
    ["Tokens", activity.tokens_in ? `${count(activity.tokens_in)} read (${count(activity.tokens_cached || 0)} cached), ${count(activity.tokens_out || 0)} written` : ""],
    ["Cost", money(activity.cost_usd)], ["Budget", job.budget?.max_cost_usd ? money(job.budget.max_cost_usd) : ""],
    ["Peak memory", job.usage?.max_rss_bytes ? bytes(job.usage.max_rss_bytes) : ""],
    ["Processor time", job.usage?.user_s ? duration(job.usage.user_s + (job.usage.system_s || 0)) : ""],
    ["Files", (activity.files || []).join("\n")], ["Tags", Object.entries(job.tags || {}).map((pair) => pair.join("=")).join(" ")],
    ["Priority", job.priority || ""], ["Time limit", job.timeout_s ? duration(job.timeout_s) : ""], ["Key", job.key],
    ["Variables", (job.env_names || []).join(", ")], ["Branch", job.worktree?.branch], ["Worktree", job.worktree?.directory],
    ["Schedule", job.run_of?.schedule],
  ].filter(([, value]) => value !== "" && value !== null && value !== undefined), [job]);
  return html`<div class="details">
    <h2>Task</h2>
    <pre class="task-text" tabindex="0" aria-label="Task">${job.argv ? job.argv.join(" ") : job.task}</pre>
    <dl>${rows.map(([name, value]) => html`<dt key=${`t${name}`}>${name}</dt><dd key=${name}>${value}</dd>`)}</dl>
    ${job.attempts?.length > 0 && html`<h2>Attempts</h2><div class="table-box"><table><thead><tr><th>no.</th><th>started</th><th>time</th><th>outcome</th><th>reason</th></tr></thead>
      <tbody>${job.attempts.map((each) => html`<tr key=${each.number}><td class="num">${each.number}</td><td>${fullTime(each.started_at)}</td><td class="num">${duration(each.duration_s)}</td><td>${each.outcome || ""}</td><td>${each.reason || ""}</td></tr>`)}</tbody></table></div>`}
  </div>`;
}
