// The life of a job, made of its events: a bar of its states, the events, and a slider through them.

import { html, useEffect, useState } from "../vendor/preact.js";
import { stream } from "../core/api.js";
import { STATES, duration, fullTime, isFinal } from "../core/format.js";
import { now } from "../core/live.js";

const WORDS = {
  dispatched: (event) => `dispatched to ${event.agent}`,
  starting: (event) => `attempt ${event.attempt} gets a slot`,
  started: (event) => `attempt ${event.attempt} runs as process ${event.pid}`,
  worktree: (event) => (event.worktree ? `worktree ${event.worktree.branch}` : "worktree removed"),
  progress: (event) => [event.progress?.percent === null || event.progress?.percent === undefined ? "" : `${event.progress.percent}%`, event.progress?.label, event.progress?.phase || event.activity?.phase].filter(Boolean).join(" · ") || "progress",
  asked: (event) => `asks: ${event.question.text || event.question.parts?.[0]?.text || event.question.tool}`,
  answered: (event) => (event.question ? "answered" : "question withdrawn"),
  stopping: (event) => `is being ended: ${event.reason}`,
  ended: (event) => [`ended: ${event.outcome}`, event.reason].filter(Boolean).join(" · "),
  requeued: (event) => `queued again: ${event.reason}`,
  sent: (event) => `follow-up: ${event.message}`,
};

/** The events of attempts, where the journal has them no more. */
function fromAttempts(job) {
  const events = [{ seq: 0, kind: "dispatched", at: job.created_at, state: "queued", agent: job.agent }];
  for (const each of job.attempts || []) {
    if (each.starting_at) events.push({ seq: 0, kind: "starting", at: each.starting_at, state: "starting", attempt: each.number });
    if (each.started_at) events.push({ seq: 0, kind: "started", at: each.started_at, state: "running", attempt: each.number, pid: each.pid });
    if (each.ended_at) events.push({ seq: 0, kind: "ended", at: each.ended_at, state: job.state, attempt: each.number, outcome: each.outcome, reason: each.reason });
  }
  return events.map((event, index) => ({ ...event, seq: index + 1 }));
}

export function Timeline({ job }) {
  const [events, setEvents] = useState([]);
  const [at, setAt] = useState(null);
  const [partial, setPartial] = useState(false);
  useEffect(() => {
    let seen = 0;
    let queue = [];
    let timer = null;
    const flush = () => {
      timer = null;
      const added = queue;
      queue = [];
      setEvents((old) => [...old, ...added]);
    };
    setEvents([]);
    const stop = stream(
      () => ({ op: "subscribe", after: seen, jobs: [job.id] }),
      (kind, item) => {
        if (kind === "event" && item.seq > seen) {
          seen = item.seq;
          queue.push(item);
          timer ??= setTimeout(flush, 50);
        } else if (kind === "error") {
          setPartial(true);
          setEvents(fromAttempts(job));
        }
      },
    );
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [job.id]);
  if (!events.length) return html`<p class="muted pad">Reading the journal…</p>`;
  const begin = Date.parse(events[0].at);
  const end = Math.max(begin + 1, isFinal(job.state) ? Date.parse(events[events.length - 1].at) : now.value);
  const chosen = Math.min(at ?? events.length - 1, events.length - 1);
  const x = (when) => ((Date.parse(when) - begin) / (end - begin)) * 1000;
  return html`<div class="timeline">
    ${partial && html`<p class="muted">The journal has only the newest events; these are from the record of the job.</p>`}
    <svg class="life" viewBox="0 0 1000 26" preserveAspectRatio="none" role="img" aria-label=${`From ${fullTime(events[0].at)}, ${duration((end - begin) / 1000)}`}>
      ${events.map((event, index) => {
        const next = events[index + 1] ? x(events[index + 1].at) : 1000;
        const tone = STATES[event.state]?.tone || "idle";
        return html`<rect key=${event.seq} class=${`life-${tone}`} x=${x(event.at)} y="4" width=${Math.max(1, next - x(event.at))} height="18" />`;
      })}
      <line class="life-at" x1=${x(events[chosen].at)} x2=${x(events[chosen].at)} y1="0" y2="26" />
    </svg>
    <label class="scrub"><span class="sr">Event</span><input type="range" min="0" max=${events.length - 1} value=${chosen} onInput=${(event) => setAt(Number(event.target.value))} /></label>
    <p class="row wrap"><strong>${STATES[events[chosen].state]?.label}</strong><span class="num">${fullTime(events[chosen].at)}</span><span class="muted num">+${duration((Date.parse(events[chosen].at) - begin) / 1000)}</span></p>
    <ol class="events" aria-label="Events">
      ${events.map((event, index) => html`<li key=${event.seq} class=${index === chosen ? "current" : ""}>
        <button class="plain event" onClick=${() => setAt(index)} aria-current=${index === chosen ? "step" : undefined}>
          <span class="num event-time">+${duration((Date.parse(event.at) - begin) / 1000)}</span>
          <span class=${`event-dot tone-${STATES[event.state]?.tone || "idle"}`} aria-hidden="true">${STATES[event.state]?.sign}</span>
          <span>${(WORDS[event.kind] || (() => event.kind))(event)}</span>
        </button></li>`)}
    </ol>
  </div>`;
}
