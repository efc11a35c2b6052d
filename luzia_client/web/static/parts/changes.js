// What a job has changed, by file and hunk, and what to do with it: merge all or some, send back with comments, or discard.

import { html, useEffect, useMemo, useState } from "../vendor/preact.js";
import { HERE, call, get, hostOf, placeOf } from "../core/api.js";
import { PlainDiff } from "./plain_diff.js";
import { isFinal, plural } from "../core/format.js";
import { act, readOnly } from "../core/live.js";
import { attempt, confirm, toast } from "./ui.js";
import { compareWords, partnersOf } from "./word_diff.js";

const MOST_OPEN_LINES = 600;
const DISCARD_WARNING = "Its worktree and branch are deleted. A copy is kept for some time.";

const TONES = { "+": "added", "-": "deleted", " ": "" };
const lineKey = (file, line) => JSON.stringify(line.kind === "-" ? [file.old_path || file.path, line.old, true] : [file.path, line.new, false]);

/** The text of a line, in which the words are marked that differ from the line that it has replaced, or that replaced it. */
function Words({ line, partner }) {
  const both = useMemo(() => partner && compareWords(...(line.kind === "-" ? [line, partner] : [partner, line]).map((each) => each.text)), [line, partner]);
  if (!both) return line.text;
  return both[line.kind === "+" ? 1 : 0].map(([text, changed], index) => (changed ? html`<mark key=${index}>${text}</mark>` : text));
}

/** A line, with a button to comment on it, and the comment. partner: the line that has replaced it, or that it replaces. */
function Line({ file, line, partner, review }) {
  const key = lineKey(file, line);
  const written = review.comments[key];
  const text = html`<span class=${`diff-line ${TONES[line.kind]}`}>${line.kind}<${Words} line=${line} partner=${partner} /></span>`;
  if (!review.edits) return text;
  const number = line.new ?? line.old;
  return html`<div class="reviewed-line"><button class="line-number num" aria-label=${`Comment on line ${number} of ${file.path}`} onClick=${() => review.comment(key, written ?? "")}>${number}</button>${text}</div>
    ${written !== undefined && html`<input class="line-comment" aria-label=${`Comment on line ${number}`} placeholder="What has to be different here?" value=${written} onInput=${(event) => review.comment(key, event.target.value)} />`}`;
}

function Part({ file, hunk, review }) {
  const chosen = review.chosen[file.path];
  const partners = useMemo(() => partnersOf(hunk.lines), [hunk]);
  const title = `line ${hunk.new_start || hunk.old_start}${hunk.heading ? `  ${hunk.heading}` : ""}`;
  return html`<div class="hunk-head row">${review.edits && html`<input type="checkbox" aria-label=${`Choose the change at ${title} of ${file.path}`} checked=${Boolean(chosen?.has(hunk.number))} onChange=${() => review.choose(file, [hunk.number])} />`}<code class="diff-line hunk grow">${title}</code></div>
    <div class="diff" tabindex="0" role="region" aria-label=${`Changes of ${file.path}, ${title}`}>${hunk.lines.map((line, index) => html`<${Line} key=${index} file=${file} line=${line} partner=${hunk.lines[partners.get(index)]} review=${review} />`)}</div>`;
}

/** The numbers of what can be chosen of a file: its hunks, or 0 for one without any. */
const partsOf = (file) => (file.hunks.length ? file.hunks.map((hunk) => hunk.number) : [0]);

function File({ file, open, review }) {
  const [shown, setShown] = useState(open);
  const chosen = review.chosen[file.path]?.size || 0;
  return html`<div class="file-box">${review.edits && html`<input type="checkbox" aria-label=${`Choose ${file.path}`} checked=${chosen === partsOf(file).length} onChange=${() => review.choose(file, partsOf(file))} />`}
  <details class="file" open=${shown} onToggle=${(event) => setShown(event.target.open)}>
    <summary><code>${file.old_path ? `${file.old_path} → ${file.path}` : file.path}</code>${file.added === null ? html`<span class="muted">${file.cut ? "too long to be shown" : "binary"}</span>` : html`<span class="num"><span class="tone-good">+${file.added}</span> <span class="tone-bad">−${file.deleted}</span></span>`}</summary>
    ${shown && file.hunks.map((hunk) => html`<${Part} key=${hunk.number} file=${file} hunk=${hunk} review=${review} />`)}
  </details></div>`;
}

/** What a job of another host has changed. It is merged in a clone: the repository is not on this machine. */
function FarChanges({ job }) {
  const [changes, setChanges] = useState(null);
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    get(placeOf("diff", job.id)).then(setChanges, (error) => (error.code ? setProblem(error) : Promise.reject(error)));
  }, [job.id, job.state]);
  if (problem) return html`<p class="problem pad">${problem.message}<br /><span class="muted">${problem.hint}</span></p>`;
  if (!changes) return html`<p class="muted pad">Reading the changes…</p>`;
  const discard = async () => {
    if (!(await confirm(`Discard the work of job ${job.id}?`, DISCARD_WARNING, "Discard"))) return;
    setBusy(true);
    await attempt(() => act("discard", job.id), "Discarded");
    setBusy(false);
  };
  return html`<div class="changes">
    <div class="row wrap change-head"><span>In a clone of the project, merge it with <code>luzia merge ${job.id}</code></span><span class="grow"></span>
      ${isFinal(job.state) && !readOnly.value && html`<button class="danger" disabled=${busy} onClick=${discard}>Discard</button>`}</div>
    ${changes.truncated && html`<p class="muted">The diff is longer than 2 MiB; see the rest with luzia diff ${job.id}.</p>`}
    ${changes.text ? html`<pre class="diff" tabindex="0" aria-label="Changes"><${PlainDiff} lines=${changes.text.split("\n")} /></pre>` : html`<div class="empty"><p class="empty-title">Nothing was changed.</p></div>`}
  </div>`;
}

export const Changes = ({ job }) => (hostOf(job.id) === HERE || job.discarded ? html`<${LocalChanges} job=${job} />` : html`<${FarChanges} job=${job} />`);

function LocalChanges({ job }) {
  const [changes, setChanges] = useState(null);
  const [problem, setProblem] = useState(null);
  const [message, setMessage] = useState("");
  const [busy, setBusy] = useState(false);
  const [chosen, setChosen] = useState({});
  const [comments, setComments] = useState({});
  const read = async () => {
    try {
      const next = await get(`/api/review?job=${encodeURIComponent(job.id)}`);
      setChanges((before) => {
        if (before?.content !== next.content) setChosen({});
        return next;
      });
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
  /** What to merge of the work: nothing is chosen for everything. */
  const selection = () => {
    const files = [];
    const hunks = {};
    for (const file of changes.files) {
      const numbers = chosen[file.path];
      if (!numbers?.size) continue;
      if (numbers.size === partsOf(file).length) files.push(file.path);
      else hunks[file.path] = [...numbers];
    }
    return files.length || Object.keys(hunks).length ? { files, hunks, content: changes.content } : {};
  };
  const choose = (file, numbers) => setChosen((before) => {
    const next = new Set(before[file.path]);
    const all = numbers.every((number) => next.has(number));
    for (const number of numbers) all ? next.delete(number) : next.add(number);
    return { ...before, [file.path]: next };
  });
  const written = Object.entries(comments).filter(([, text]) => text.trim()).map(([key, text]) => {
    const [path, line, old] = JSON.parse(key);
    return { path, line, old, text: text.trim() };
  });
  const merge = () => run(() => attempt(async () => {
    const merged = await call("merge", { job: job.id, commit: true, ...selection() });
    setChosen({});
    toast(merged.files_left ? `Merged what was chosen; ${plural(merged.files_left, "file")} left` : merged.commits ? `Merged ${plural(merged.commits, "commit")} into ${merged.onto}` : `${merged.onto} already contains it`);
  }));
  const discard = async () => {
    if (await confirm(`Discard the work of job ${job.id}?`, DISCARD_WARNING, "Discard")) {
      run(() => attempt(() => act("discard", job.id), "Discarded"));
    }
  };
  const restore = () => run(() => attempt(() => act("restore_work", job.id), "Restored"));
  const back = (event) => {
    event.preventDefault();
    run(async () => {
      if (await attempt(() => call("send_back", { job: job.id, words: message, comments: written }), "Sent back")) {
        setMessage("");
        setComments({});
      }
    });
  };
  if (job.discarded && !job.worktree) {
    return html`<div class="empty"><p class="empty-title">The work was discarded.</p><p class="muted">A copy is kept until ${new Date(job.discarded.kept_until).toLocaleString()}.</p>
      ${!readOnly.value && html`<button disabled=${busy} onClick=${restore}>Restore it</button>`}</div>`;
  }
  if (problem) return html`<p class="problem pad">${problem.message}<br /><span class="muted">${problem.hint}</span></p>`;
  if (!changes) return html`<p class="muted pad">Reading the changes…</p>`;
  const count = Object.values(chosen).reduce((sum, numbers) => sum + numbers.size, 0);
  const edits = isFinal(job.state) && !readOnly.value;
  const review = { edits, chosen, choose, comments, comment: (key, text) => setComments((before) => ({ ...before, [key]: text })) };
  return html`<div class="changes">
    <div class="row wrap change-head">
      <strong>${plural(changes.files.length, "changed file")}</strong><span class="muted">${changes.branch} → ${changes.onto || "no branch"}</span>
      <span class="grow"></span>
      ${isFinal(job.state) && !readOnly.value && html`<button class="primary" disabled=${busy || !changes.onto} onClick=${merge}>${count ? `Merge ${count} chosen into` : "Merge into"} ${changes.onto}</button>
        <button class="danger" disabled=${busy} onClick=${discard}>Discard</button>`}
    </div>
    ${isFinal(job.state) && !readOnly.value && job.activity?.session && html`<form class="follow-up" onSubmit=${back}>
      <input aria-label="What to change" placeholder="Send it back: what has to be different?" value=${message} onInput=${(event) => setMessage(event.target.value)} />
      <button disabled=${busy || !(message.trim() || written.length)}>${written.length ? `Send back with ${plural(written.length, "comment")}` : "Send back"}</button></form>`}
    ${changes.conflicts.length > 0 && html`<p class="problem">Conflicts with ${changes.onto}: ${changes.conflicts.join(", ")}</p>`}
    ${changes.files.some((file) => file.cut) && html`<p class="muted">The diff is longer than 2 MiB; see the rest with luzia diff ${job.id}.</p>`}
    ${changes.files.length === 0 && html`<div class="empty"><p class="empty-title">Nothing was changed.</p></div>`}
    ${changes.files.map((file, index) => html`<${File} key=${file.path} file=${file} review=${review} open=${index < 30 && (file.added || 0) + (file.deleted || 0) < MOST_OPEN_LINES} />`)}
  </div>`;
}
