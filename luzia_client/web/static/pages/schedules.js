// Schedules: their next runs, the last one and its job, pause, resume, and run now.

import { html, useEffect, useState } from "../vendor/preact.js";
import { call } from "../core/api.js";
import { age, firstLine, fullTime } from "../core/format.js";
import { epoch, listen, now, readOnly } from "../core/live.js";
import { go, href } from "../core/router.js";
import { Empty, State, attempt, toast } from "../parts/ui.js";

const RUNS = 5;

function Schedule({ schedule, reload }) {
  const [more, setMore] = useState(null);
  const { name, job } = schedule;
  const change = async (op) => {
    if (await attempt(() => call(op, { name }))) reload();
  };
  const run = () => attempt(async () => {
    const { job: id } = await call("schedule_run", { name });
    toast(`Dispatched ${id}`);
    go("job", [id]);
  });
  const show = async (event) => {
    if (event.target.open && !more) setMore(await attempt(() => call("schedule_show", { name, runs: RUNS })));
  };
  return html`<li class="entry">
    <div class="entry-main">
      <div class="row wrap"><strong class="entry-title">${name}</strong><code>${schedule.cron}</code><span class="muted">${schedule.timezone}</span>
        ${schedule.paused && html`<span class="pill">paused</span>`}${schedule.problem && html`<span class="pill urgent">${schedule.problem}</span>`}</div>
      <p class="doing-line">${job.project.split("/").pop()}: ${job.argv ? job.argv.join(" ") : firstLine(job.task)}</p>
      <div class="row wrap muted">
        ${schedule.next[0] ? html`<span>next <span class="num">${fullTime(schedule.next[0])}</span></span>` : html`<span>no next run</span>`}
        ${schedule.last && html`<span>last ${age(schedule.last.at, now.value)} ${schedule.last.job ? html`<a href=${href("job", [schedule.last.job])}>${schedule.last.job}</a> ${schedule.last.state && html`<${State} state=${schedule.last.state} />`}` : schedule.last.note || ""}</span>`}
        <a href=${href("jobs", [], { tags: `schedule=${name}`, sort: "created" })}>history</a>
      </div>
      <details onToggle=${show}><summary>Next runs</summary>${more && html`<ol class="runs">${more.schedule.next.map((when) => html`<li key=${when} class="num">${fullTime(when)}</li>`)}</ol>`}</details>
    </div>
    ${!readOnly.value && html`<div class="entry-actions"><button onClick=${run}>Run now</button>
      <button onClick=${() => change(schedule.paused ? "schedule_resume" : "schedule_pause")}>${schedule.paused ? "Resume" : "Pause"}</button></div>`}
  </li>`;
}

export function SchedulesPage() {
  const [schedules, setSchedules] = useState(null);
  const read = async () => {
    const found = await attempt(() => call("schedule_list"));
    if (found) setSchedules(found.schedules);
  };
  useEffect(() => {
    let timer = null;
    const soon = () => {
      timer ??= setTimeout(() => {
        timer = null;
        read();
      }, 500);
    };
    const stops = [listen((event) => (event.kind === "dispatched" || event.kind === "ended") && soon()), epoch.subscribe(soon)];
    read();
    return () => {
      clearTimeout(timer);
      for (const stop of stops) stop();
    };
  }, []);
  return html`<section class="page" aria-label="Schedules"><header class="page-head"><h1>Schedules</h1></header>
    <div class="scroll">${schedules === null ? html`<p class="muted pad">Loading…</p>` : schedules.length === 0
      ? html`<${Empty} title="There are no schedules.">Add one with luzia schedule add.<//>`
      : html`<ul class="entries">${schedules.map((each) => html`<${Schedule} key=${each.name} schedule=${each} reload=${read} />`)}</ul>`}</div></section>`;
}
