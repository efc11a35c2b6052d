// What a job has changed in its worktree, by file, and what to do with it: merge, send back, or discard.

import { html, useEffect, useState } from "../vendor/preact.js";
import { call, get } from "../core/api.js";
import { isFinal, plural } from "../core/format.js";
import { act, readOnly } from "../core/live.js";
import { DiffLines } from "./diff_lines.js";
import { attempt, confirm, toast } from "./ui.js";

const MOST_OPEN_LINES = 600;

/** The parts of a diff by file: [{ path, lines }]. */
export function splitDiff(text) {
  const files = [];
  for (const line of text.replace(/\n$/, "").split("\n")) {
    if (line.startsWith("diff --git ")) files.push({ lines: [] });
    if (files.length) files[files.length - 1].lines.push(line);
  }
  return files;
}

function File({ file, part, open }) {
  const [shown, setShown] = useState(open);
  const lines = part ? part.lines : [];
  const first = lines.findIndex((line) => line.startsWith("@@"));
  const body = first < 0 ? lines.slice(1) : lines.slice(first);
  return html`<details class="file" open=${shown} onToggle=${(event) => setShown(event.target.open)}>
    <summary><code>${file.path}</code>${file.added === null ? html`<span class="muted">binary</span>` : html`<span class="num"><span class="tone-good">+${file.added}</span> <span class="tone-bad">−${file.deleted}</span></span>`}</summary>
    ${shown && html`<pre class="diff" tabindex="0" aria-label=${`Changes of ${file.path}`}><${DiffLines} lines=${body} /></pre>`}
  </details>`;
}

export function Changes({ job }) {
  const [changes, setChanges] = useState(null);
  const [problem, setProblem] = useState(null);
  const [message, setMessage] = useState("");
  const [busy, setBusy] = useState(false);
  const read = async () => {
    try {
      setChanges(await get(`/api/diff?job=${encodeURIComponent(job.id)}`));
      setProblem(null);
    } catch (error) {
      if (!error.code) throw error;
      setProblem(error);
    }
  };
  useEffect(() => { read(); }, [job.id, job.state, job.worktree?.branch, Boolean(job.discarded)]);
  const run = async (action) => {
    setBusy(true);
    await action();
    setBusy(false);
    read();
  };
  const merge = () => run(() => attempt(async () => {
    const merged = await call("merge", { job: job.id, commit: true });
    toast(merged.commits ? `Merged ${plural(merged.commits, "commit")} into ${merged.onto}` : `${merged.onto} already contains it`);
  }));
  const discard = async () => {
    if (await confirm(`Discard the work of job ${job.id}?`, "Its worktree and branch are deleted. A copy is kept for some time.", "Discard")) {
      run(() => attempt(() => act("discard", job.id), "Discarded"));
    }
  };
  const restore = () => run(() => attempt(() => act("restore_work", job.id), "Restored"));
  const back = (event) => {
    event.preventDefault();
    run(async () => {
      if (await attempt(() => act("send", job.id, { message }), "Sent back")) setMessage("");
    });
  };
  if (job.discarded && !job.worktree) {
    return html`<div class="empty"><p class="empty-title">The work was discarded.</p><p class="muted">A copy is kept until ${new Date(job.discarded.kept_until).toLocaleString()}.</p>
      ${!readOnly.value && html`<button disabled=${busy} onClick=${restore}>Restore it</button>`}</div>`;
  }
  if (problem) return html`<p class="problem pad">${problem.message}<br /><span class="muted">${problem.hint}</span></p>`;
  if (!changes) return html`<p class="muted pad">Reading the changes…</p>`;
  const parts = splitDiff(changes.text);
  const large = changes.text.length > 400000;
  return html`<div class="changes">
    <div class="row wrap change-head">
      <strong>${plural(changes.files.length, "changed file")}</strong><span class="muted">${changes.branch} → ${changes.onto || "no branch"}</span>
      <span class="grow"></span>
      ${isFinal(job.state) && !readOnly.value && html`<button class="primary" disabled=${busy || !changes.onto} onClick=${merge}>Merge into ${changes.onto}</button>
        <button class="danger" disabled=${busy} onClick=${discard}>Discard</button>`}
    </div>
    ${isFinal(job.state) && !readOnly.value && job.activity?.session && html`<form class="follow-up" onSubmit=${back}>
      <input aria-label="What to change" placeholder="Send it back: what has to be different?" value=${message} onInput=${(event) => setMessage(event.target.value)} />
      <button disabled=${busy || !message.trim()}>Send back</button></form>`}
    ${changes.truncated && html`<p class="muted">The diff is longer than 2 MiB; see the rest with luzia diff ${job.id}.</p>`}
    ${changes.files.length === 0 && html`<div class="empty"><p class="empty-title">Nothing was changed.</p></div>`}
    ${changes.files.map((file, index) => html`<${File} key=${file.path} file=${file} part=${parts[index]} open=${!large && (parts[index]?.lines.length || 0) < MOST_OPEN_LINES && index < 30} />`)}
  </div>`;
}
