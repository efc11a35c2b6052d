// A question of an agent, and the form that answers it.

import { html, useState } from "../vendor/preact.js";
import { act, readOnly } from "../core/live.js";
import { PlainDiff } from "./plain_diff.js";
import { attempt } from "./ui.js";

export function Question({ job, question }) {
  const [words, setWords] = useState({});
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const answer = async (list) => {
    setBusy(true);
    await attempt(() => act("answer", job.id, { words: list, question: question.id }), "Answered");
    setBusy(false);
  };
  const locked = busy || readOnly.value;
  if (question.type === "permission") {
    const allow = () => answer(["allow"]);
    const deny = () => answer(reason.trim() ? ["deny", reason.trim()] : ["deny"]);
    const keys = (event) => {
      if (event.target.matches("input") || event.ctrlKey || event.metaKey || event.altKey || locked) return;
      const effect = { y: allow, n: deny, t: () => event.currentTarget.querySelector("input").focus() }[event.key];
      if (!effect) return;
      event.preventDefault();
      event.stopPropagation();
      effect();
    };
    return html`<form class="question" aria-label=${`Permission for job ${job.id}`} onKeyDown=${keys} onSubmit=${(event) => { event.preventDefault(); deny(); }}>
      <p class="question-text">Permission to use <strong>${question.tool}</strong></p>
      <pre class="question-detail" tabindex="0" aria-label="What is asked about">${question.text}</pre>
      ${question.diff && html`<pre class="diff question-diff" tabindex="0" aria-label="What would change"><${PlainDiff} lines=${question.diff.split("\n")} /></pre>`}
      <div class="row">
        <button type="button" class="primary" disabled=${locked} onClick=${allow}>Allow</button>
        <input aria-label="Reason for denying" placeholder="Reason for the agent (optional)" value=${reason} onInput=${(event) => setReason(event.target.value)} />
        <button type="button" disabled=${locked} onClick=${deny}>Deny</button>
      </div>
    </form>`;
  }
  const choose = (part, index, many) => {
    const number = String(index + 1);
    const before = words[part] || "";
    const chosen = many ? before.split(",").filter(Boolean) : [];
    const next = chosen.includes(number) ? chosen.filter((each) => each !== number) : [...chosen, number];
    setWords({ ...words, [part]: next.sort().join(",") });
  };
  const complete = question.parts.every((_, part) => (words[part] || "").trim());
  return html`<form class="question" aria-label=${`Question of job ${job.id}`} onSubmit=${(event) => { event.preventDefault(); if (complete) answer(question.parts.map((_, part) => words[part].trim())); }}>
    ${question.parts.map((each, part) => html`<fieldset key=${part}>
      <legend class="question-text">${each.text}</legend>
      <div class="options">
        ${(each.options || []).map((option, index) => html`<button type="button" key=${index} class="option"
            aria-pressed=${(words[part] || "").split(",").includes(String(index + 1))} onClick=${() => choose(part, index, each.many)}>
          <strong>${option}</strong>${each.descriptions?.[index] && html`<span class="muted"> ${each.descriptions[index]}</span>`}
        </button>`)}
      </div>
      <input aria-label=${`Answer to: ${each.text}`} placeholder=${each.options?.length ? "or another answer" : "Your answer"} value=${words[part] || ""}
        onInput=${(event) => setWords({ ...words, [part]: event.target.value })} />
    </fieldset>`)}
    <div class="row">
      <button class="primary" disabled=${locked || !complete}>Answer</button>
      <button type="button" disabled=${locked} onClick=${() => answer(["deny"])}>Decline</button>
    </div>
  </form>`;
}
