// Words and numbers as they are shown.

export const STATES = {
  queued: { label: "queued", sign: "○", tone: "idle" },
  starting: { label: "starting", sign: "◔", tone: "live" },
  running: { label: "running", sign: "●", tone: "live" },
  paused: { label: "paused", sign: "‖", tone: "idle" },
  waiting: { label: "waiting", sign: "?", tone: "ask" },
  stopping: { label: "stopping", sign: "◍", tone: "idle" },
  completed: { label: "completed", sign: "✓", tone: "good" },
  failed: { label: "failed", sign: "✕", tone: "bad" },
  cancelled: { label: "cancelled", sign: "⊘", tone: "idle" },
  timed_out: { label: "timed out", sign: "⧖", tone: "bad" },
  skipped: { label: "skipped", sign: "»", tone: "idle" },
  lost: { label: "lost", sign: "!", tone: "bad" },
};
export const FINAL = ["completed", "failed", "cancelled", "timed_out", "skipped", "lost"];
export const ACTIVE = ["starting", "running", "paused", "waiting", "stopping"];
export const FAILED = ["failed", "timed_out", "lost"];
export const isFinal = (state) => FINAL.includes(state);

/** The first line of a text that has one, without the sign of a heading or a comment. */
export const firstLine = (text) => ((text || "").split("\n").find((line) => line.trim()) || "").replace(/^#+ /, "");

/** The name of a job that has one, and its command or the first line of its task. A number is no name. */
export const title = (job) => {
  const name = job.node && !/^[0-9]+$/.test(job.node) ? `${job.node}: ` : "";
  return name + (job.argv ? job.argv.join(" ") : firstLine(job.task));
};

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 1) return `${Math.max(0, seconds).toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${String(whole % 60).padStart(2, "0")}s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)}h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")}m`;
  return `${Math.floor(whole / 86400)}d ${Math.floor((whole % 86400) / 3600)}h`;
}

export function age(when, now) {
  const seconds = (now - Date.parse(when)) / 1000;
  if (seconds < 60) return "now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const FULL = new Intl.DateTimeFormat(undefined, {
  weekday: "short", day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
export function clock(when) {
  const date = new Date(when);
  return date.toDateString() === new Date().toDateString() ? CLOCK.format(date) : FULL.format(date);
}
export const fullTime = (when) => (when ? FULL.format(new Date(when)) : "");

const DECIMALS = 4;
/** An amount of US dollars, which is never rounded to nothing: format_usd() of luzia_protocol/money.py. */
export function money(usd) {
  if (usd === null || usd === undefined) return "";
  const decimals = usd > 0 && usd < 1 ? Math.max(DECIMALS, 1 - Math.floor(Math.log10(usd))) : DECIMALS;
  const [whole, rest] = usd.toFixed(Math.min(decimals, 20)).replace(/0+$/, "").split(".");
  return `$${whole.replace(/\B(?=(\d{3})+$)/g, ",")}.${rest.padEnd(2, "0")}`;
}

export function count(number) {
  if (number === null || number === undefined) return "";
  if (number < 10000) return String(number);
  return number < 1e6 ? `${(number / 1000).toFixed(0)}k` : `${(number / 1e6).toFixed(1)}M`;
}

export function bytes(size) {
  if (size < 1024) return `${size} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = size;
  let unit = -1;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

export const plural = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

/** Seconds that the newest attempt has run until `now`. */
export function ranFor(job, now) {
  if (job.duration_s !== null && job.duration_s !== undefined && isFinal(job.state)) return job.duration_s;
  return job.started_at && !isFinal(job.state) && job.state !== "queued" ? (now - Date.parse(job.started_at)) / 1000 : null;
}

/** What a job counts and how far it is, such as "parts compiled: 5 of 8", or only what it says. */
function stage({ label, phase, done, total } = {}) {
  if (!label || total === null || total === undefined) return label || phase || "";
  const rounded = (value) => Math.round(value * 100) / 100;
  return `${label}: ${rounded(done ?? 0)} of ${rounded(total)}`;
}

/** What a job is doing, in words: its question, its reason, or its activity. */
export function doing(job) {
  if (job.question) return job.question.text || job.question.parts?.[0]?.text || job.question.tool;
  if (job.reason) return job.reason;
  if (isFinal(job.state)) return job.activity?.last_message || "";
  return stage(job.progress || {}) || job.activity?.phase || job.activity?.last_message || "";
}

/** A URL that may become a link: http and https only. */
export function safeUrl(text) {
  try {
    const url = new URL(text);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}
