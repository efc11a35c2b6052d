// The command palette: pages, actions on the job that is shown, and jobs by their task or id.

import { html, signal, useEffect, useRef, useState } from "../vendor/preact.js";
import { call } from "../core/api.js";
import { listAll } from "../core/hosts_list.js";
import { title } from "../core/format.js";
import { readOnly } from "../core/live.js";
import { go, route } from "../core/router.js";
import { jobOfPage } from "../core/shown.js";
import { ACTIONS, perform } from "./job_actions.js";
import { openDispatch } from "./dispatch.js";
import { nextTheme, openSettings } from "./settings.js";
import { Dialog, State } from "./ui.js";

const MOST_JOBS = 12;

const open = signal(false);
export const openPalette = () => {
  open.value = true;
};
export const Palette = () => (open.value ? html`<${Chooser} onClose=${() => { open.value = false; }} />` : null);

function commands() {
  const pages = ["inbox", "jobs", "schedules", "spend", "machine"].map((name) => ({ text: `Go to ${name}`, run: () => go(name) }));
  const job = route.value.page === "job" ? jobOfPage.job : null;
  const actions = job && !readOnly.value
    ? Object.entries(ACTIONS).filter(([, each]) => each.fits(job)).map(([name, each]) => ({ text: `${each.label} this job`, run: () => perform(name, [job]) }))
    : [];
  const others = [{ text: "Change colours: system, light, dark", run: nextTheme }, { text: "Settings", run: openSettings }];
  if (!readOnly.value) others.unshift({ text: "Dispatch a job", run: () => openDispatch() });
  return [...actions, ...pages, ...others];
}

function Chooser({ onClose }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const [jobs, setJobs] = useState([]);
  const input = useRef(null);
  useEffect(() => input.current.focus(), []);
  useEffect(() => {
    let live = true;
    const timer = setTimeout(async () => {
      const wanted = text.trim().toLowerCase();
      if (!wanted) return setJobs([]);
      try {
        const byId = /^[0-9a-f-]{3,}$/.test(wanted) ? call("status", { job: wanted }).then(({ job }) => [job], () => []) : [];
        const [own, page] = await Promise.all([byId, listAll({ limit: MOST_JOBS, search: wanted })]);
        if (live) setJobs([...own, ...page.jobs.filter((job) => job.id !== own[0]?.id)].slice(0, MOST_JOBS));
      } catch (error) {
        if (!error.code) throw error;
        if (live) setJobs([]);
      }
      return undefined;
    }, 120);
    return () => {
      live = false;
      clearTimeout(timer);
    };
  }, [text]);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = [
    ...commands().filter((each) => words.every((word) => each.text.toLowerCase().includes(word))),
    ...jobs.map((job) => ({ text: title(job), job, run: () => go("job", [job.id]) })),
  ];
  const chosen = Math.min(at, Math.max(0, found.length - 1));
  const run = (entry) => {
    onClose();
    entry?.run();
  };
  const keys = (event) => {
    if (event.key === "ArrowDown") setAt(Math.min(chosen + 1, found.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(chosen - 1, 0));
    else if (event.key === "Enter") run(found[chosen]);
    else return;
    event.preventDefault();
  };
  return html`<${Dialog} label="Find" onClose=${onClose} wide>
    <input ref=${input} class="palette-input" role="combobox" aria-expanded="true" aria-controls="palette" aria-activedescendant=${`palette-${chosen}`} aria-label="Find a page, an action or a job" placeholder="A page, an action, or words of a job" value=${text}
      onInput=${(event) => { setText(event.target.value); setAt(0); }} onKeyDown=${keys} />
    <ul id="palette" class="palette" role="listbox" aria-label="Results">
      ${found.map((entry, index) => html`<li key=${index} id=${`palette-${index}`} role="option" aria-selected=${index === chosen} onClick=${() => run(entry)} onMouseMove=${() => setAt(index)}>
        ${entry.job ? html`<${State} state=${entry.job.state} short /> <span class="grow">${entry.text}</span><code class="muted">${entry.job.id}</code>` : entry.text}</li>`)}
      ${!found.length && html`<li class="muted" role="option" aria-selected="false">Nothing found.</li>`}
    </ul>
  <//>`;
}
