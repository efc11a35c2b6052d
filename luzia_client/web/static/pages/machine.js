// The machine and the daemon: slots, queues, projects, agents, files and versions.

import { html, useEffect, useState } from "../vendor/preact.js";
import { call } from "../core/api.js";
import { bytes, clock, duration, fullTime } from "../core/format.js";
import { epoch, isMinor, listen, queues, readOnly, version } from "../core/live.js";
import { agents, loadSetup, projects } from "../core/setup.js";
import { href } from "../core/router.js";
import { attempt } from "../parts/ui.js";

const REFRESH_MS = 1000;

export function MachinePage() {
  const [info, setInfo] = useState(null);
  const read = async () => {
    const found = await attempt(() => call("info"));
    if (found) setInfo(found);
    await attempt(loadSetup);
  };
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
      ${draining && html`<p class="note">The queue is draining since ${clock(draining)}.</p>`}
      <div class="figures row wrap"><span>Slots <strong class="num">${info.slots_used} of ${info.slots}</strong></span>
        <svg class="slots" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label=${`${info.slots_used} of ${info.slots} slots are used`}><rect class="slots-all" width="100" height="6" /><rect class="slots-used" width=${Math.min(100, (info.slots_used / info.slots) * 100)} height="6" /></svg>
        <span>Memory of luziad <strong class="num">${bytes(info.rss_bytes)}</strong></span><span>Connections <strong class="num">${info.connections}</strong></span><span>Up <strong class="num">${duration(info.uptime_s)}</strong></span></div>
      <div class="columns">
        <section><h2>Projects</h2><div class="table-box"><table><thead><tr><th>project</th><th>agent</th><th class="num">running</th><th class="num">queued</th><th class="num">limit</th><th><span class="sr">action</span></th></tr></thead><tbody>
          ${projects.value.map((each) => html`<tr key=${each.name}><td><a href=${href("jobs", [], { project: each.name })}>${each.name}</a>${each.exists ? "" : html` <span class="tone-bad">missing</span>`}</td><td>${each.agent || ""}</td><td class="num">${each.running}</td><td class="num">${each.queued}</td><td class="num">${each.max_running ?? ""}</td>
            <td>${!readOnly.value && html`<button class="plain" onClick=${() => change(paused[each.name] ? "resume_queue" : "pause_queue", { project: each.name })}>${paused[each.name] ? "Resume" : "Pause"}<span class="sr"> ${each.name}</span></button>`}</td></tr>`)}</tbody></table></div></section>
        <section><h2>Agents</h2><div class="table-box"><table><thead><tr><th>agent</th><th>program</th></tr></thead><tbody>
          ${agents.value.map((each) => html`<tr key=${each.name}><td>${each.name}${each.default ? html` <span class="pill">default</span>` : ""}</td><td>${each.installed ? html`<code>${each.path || "built in"}</code>` : html`<span class="muted">not installed</span>`}${each.problem && html` <span class="tone-bad">${each.problem}</span>`}</td></tr>`)}</tbody></table></div></section>
      </div>
      <section><h2>Daemon</h2><dl>
        ${[["Version", `${info.version}, protocol ${info.protocol}; this page ${version.value}`], ["Process", info.pid], ["Started", fullTime(info.started_at)], ["Managed by", info.managed_by], ["Socket", info.socket], ["State", info.state_dir], ["Jobs", info.jobs_dir], ["Configuration", info.config_file], ["Log", info.log_file || "stderr"], ["Storage", info.storage], ["Last snapshot", info.last_snapshot || "none"], ["Last event", info.seq]].map(([name, text]) => html`<dt key=${`t${name}`}>${name}</dt><dd key=${name}>${text}</dd>`)}</dl></section>`}</div></section>`;
}
