// Small parts that all pages use.

import { html, signal, useLayoutEffect, useRef } from "../vendor/preact.js";
import { STATES } from "../core/format.js";
import { href } from "../core/router.js";

/** Messages at the edge of the page. */
export const toasts = signal([]);
let lastToast = 0;

export function toast(text, { hint = "", tone = "" } = {}) {
  lastToast += 1;
  const id = lastToast;
  toasts.value = [...toasts.value.slice(-3), { id, text, hint, tone }];
  setTimeout(() => dismiss(id), tone === "bad" ? 12000 : 4000);
}
export const dismiss = (id) => {
  toasts.value = toasts.value.filter((each) => each.id !== id);
};

/** Run an action; what fails is shown. Returns its result, or undefined. */
export async function attempt(action, done = "") {
  try {
    const result = await action();
    if (done) toast(done);
    return result;
  } catch (error) {
    if (!error.code) throw error;
    toast(error.message, { hint: error.hint, tone: "bad" });
    return undefined;
  }
}

export const State = ({ state, short }) => {
  const { label, sign, tone } = STATES[state] || { label: state, sign: "·", tone: "idle" };
  return html`<span class=${`state tone-${tone}`}><span class="sign" aria-hidden="true">${sign}</span
    ><span class=${short ? "sr" : ""}>${label}</span></span>`;
};

export const Toasts = () => html`<div class="toasts" role="status" aria-live="polite">
  ${toasts.value.map(
    (each) => html`<div key=${each.id} class=${`toast ${each.tone}`}>
      <div><strong>${each.text}</strong>${each.hint && html`<div class="muted">${each.hint}</div>`}</div>
      <button class="plain" aria-label="Dismiss" onClick=${() => dismiss(each.id)}>✕</button>
    </div>`,
  )}
</div>`;

/** A modal dialog of the browser: it keeps the focus, and Esc closes it. */
export function Dialog({ label, onClose, onKeyDown, children, wide }) {
  const element = useRef(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    element.current.showModal();
    return () => before?.focus?.();
  }, []);
  return html`<dialog ref=${element} onKeyDown=${onKeyDown} class=${wide ? "wide" : ""} aria-label=${label}
    onCancel=${(event) => { event.preventDefault(); onClose(); }}
    onClick=${(event) => event.target === element.current && onClose()}>
    <div class="dialog-body">${children}</div>
  </dialog>`;
}

const asking = signal(null);
/** Ask before something that cannot be undone; resolves to true or false. */
export const confirm = (text, detail, action) =>
  new Promise((resolve) => {
    asking.value = { text, detail, action, resolve };
  });
export function Confirmation() {
  const question = asking.value;
  if (!question) return null;
  const answer = (value) => {
    asking.value = null;
    question.resolve(value);
  };
  const keys = ({ key }) => key === "y" && answer(true);
  return html`<${Dialog} label=${question.text} onClose=${() => answer(false)} onKeyDown=${keys}>
    <h2>${question.text}</h2>
    <p class="muted">${question.detail}</p>
    <div class="row end">
      <button onClick=${() => answer(false)}>Keep</button>
      <button class="danger" autofocus onClick=${() => answer(true)}>${question.action}</button>
    </div>
  <//>`;
}

export const Empty = ({ title, children }) => html`<div class="empty"><p class="empty-title">${title}</p><p class="muted">${children}</p></div>`;

export function Bar({ progress }) {
  if (!progress || progress.percent === null || progress.percent === undefined) return null;
  return html`<span class="bar" role="progressbar" aria-label="progress" aria-valuenow=${progress.percent} aria-valuemin="0" aria-valuemax="100"
    ><svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"><rect width=${progress.percent} height="1" /></svg></span
    ><span class="percent">${progress.percent}%</span>`;
}

const firstOf = (names, count) => names.slice(0, 5).join(", ") + (count > 5 ? ` and ${count - 5} more` : "");

/** The jobs that change the same files, and whether git can merge both. */
export const Collisions = ({ job }) => (job.worktree ? job.collisions || [] : []).map((each) => html`<p key=${each.job} class=${`doing-line ${each.merges === false ? "tone-bad" : ""}`}>
  <a href=${href("job", [each.job, "changes"])}>Job ${each.job}</a> changes the same files: ${firstOf(each.files, each.file_count)}${
  each.conflicts?.length ? `; git cannot merge ${firstOf(each.conflicts, each.conflicts.length)}` : each.merges ? "; git can merge both" : ""}</p>`);
