// The machine and the daemon: slots, queues, projects, agents, files and versions.

import { html, useEffect, useState } from "../vendor/preact.js";
import { call, get } from "../core/api.js";
import { bytes, clock, duration, fullTime, plural } from "../core/format.js";
import { epoch, isMinor, listen, now, queues, readOnly, version } from "../core/live.js";
import { agents, loadSetup, projects } from "../core/setup.js";
import { href } from "../core/router.js";
import { DoctorFindings } from "../parts/doctor.js";
import { Meter } from "../parts/meter.js";
import { attempt } from "../parts/ui.js";

const REFRESH_MS = 1000;
const LOAD_MS = 10000;

export function MachinePage() {
  const [info, setInfo] = useState(null);
  const [machine, setMachine] = useState(null);
  const read = async () => {
    const found = await attempt(() => call("info"));
    if (found) setInfo(found);
    await attempt(loadSetup);
  };
  // The clock of the page ticks only while it is seen, and seldom while nothing runs.
  useEffect(() => {
    get("/api/machine").then(setMachine, (error) => (error.code ? null : Promise.reject(error)));
  }, [Math.floor(now.value / LOAD_MS)]);
  useEffect(() => {
    let timer = null;
    const soon = () => {
      timer ??= setTimeout(() => {
        timer = null;
        read();
      }, REFRESH_MS);
    };
    const stops = [listen((event) => !isMinor(event) && soon()), epoch.subscribe((value) => value > 1 && soon())];
    read();
    return () => {
      clearTimeout(timer);
      for (const stop of stops) stop();
    };
  }, []);
  const change = async (op, fields) => {
    if (await attempt(() => call(op, fields))) read();
  };
  const { everything, draining, projects: paused = {} } = queues.value;
  return html`<section class="page" aria-label="Machine"><header class="page-head"><h1>Machine</h1><span class="grow"></span>
    ${!readOnly.value && html`<button onClick=${() => change(everything ? "resume_queue" : "pause_queue", {})}>${everything ? "Resume everything" : "Pause everything"}</button>
      <button onClick=${() => change("drain", { end: Boolean(draining) })}>${draining ? "End the drain" : "Drain"}</button>`}</header>
    <div class="scroll machine">${!info ? html`<p class="muted pad">Loading…</p>` : html`
      ${everything && html`<p class="note">Everything has been paused since ${clock(everything)}.</p>`}
      ${draining && html`<p class="note">The queue has been draining since ${clock(draining)}.</p>`}
      <div class="meters"><${Meter} label="Slots" used=${info.slots_used} total=${info.slots} text=${`${info.slots_used} of ${info.slots}`} high=${1.01} />
        ${machine && html`<${Meter} label="Load" used=${machine.load[0]} total=${machine.cpus} text=${`${machine.load.map((each) => each.toFixed(1)).join("  ")} on ${plural(machine.cpus, "CPU")}`} />
        <${Meter} label="Memory" used=${machine.memory_bytes - machine.memory_available_bytes} total=${machine.memory_bytes} text=${`${bytes(machine.memory_available_bytes)} of ${bytes(machine.memory_bytes)} available`} />
        <${Meter} label="Disk" used=${machine.disk_bytes - machine.disk_free_bytes} total=${machine.disk_bytes} text=${`${bytes(machine.disk_free_bytes)} of ${bytes(machine.disk_bytes)} free`} />`}</div>
      <div class="columns">
        <section><h2>Projects</h2><div class="table-box"><table><thead><tr><th>project</th><th>agent</th><th class="num">running</th><th class="num">queued</th><th class="num">limit</th><th><span class="sr">action</span></th></tr></thead><tbody>
          ${projects.value.map((each) => html`<tr key=${each.name}><td><a href=${href("jobs", [], { project: each.name })}>${each.name}</a>${each.exists ? "" : html` <span class="tone-bad">missing</span>`}</td><td>${each.agent || ""}</td><td class="num">${each.running}</td><td class="num">${each.queued}</td><td class="num">${each.max_running ?? ""}</td>
            <td>${!readOnly.value && html`<button class="plain" onClick=${() => change(paused[each.name] ? "resume_queue" : "pause_queue", { project: each.name })}>${paused[each.name] ? "Resume" : "Pause"}<span class="sr"> ${each.name}</span></button>`}</td></tr>`)}</tbody></table></div></section>
        <section><h2>Agents</h2><div class="table-box"><table><thead><tr><th>agent</th><th>program</th></tr></thead><tbody>
          ${agents.value.map((each) => html`<tr key=${each.name}><td>${each.name}${each.default ? html` <span class="pill">default</span>` : ""}</td><td>${each.installed ? html`<code>${each.path || "built in"}</code>` : html`<span class="muted">not installed</span>`}${each.problem && html` <span class="tone-bad">${each.problem}</span>`}</td></tr>`)}</tbody></table></div></section>
      </div>
      <div class="columns"><${DoctorFindings} />
      <section><h2>Daemon</h2><dl>
        ${[["Version", `${info.version}, protocol ${info.protocol}; this page ${version.value}`], ["Machine", machine && `${machine.host}, ${machine.kernel}`], ["Memory", bytes(info.rss_bytes)], ["Connections", info.connections], ["Up", duration(info.uptime_s)], ["Process", info.pid], ["Started", fullTime(info.started_at)], ["Managed by", info.managed_by], ["Socket", info.socket], ["State", info.state_dir], ["Jobs", info.jobs_dir], ["Configuration", info.config_file], ["Log", info.log_file || "stderr"], ["Storage", info.storage], ["Last snapshot", info.last_snapshot || "none"], ["Last event", info.seq]].map(([name, text]) => html`<dt key=${`t${name}`}>${name}</dt><dd key=${name}>${text}</dd>`)}</dl></section></div>`}</div></section>`;
}
