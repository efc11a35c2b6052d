// The keys, the same as in `luzia top` where both have the same: one table for their effects and for the help.

import { html, signal } from "../vendor/preact.js";
import { readOnly } from "../core/live.js";
import { go, route } from "../core/router.js";
import { jobOfPage, logKeys } from "../core/shown.js";
import { pageKeys } from "../pages/jobs.js";
import { openDispatch } from "./dispatch.js";
import { ACTIONS, perform } from "./job_actions.js";
import { openPalette } from "./palette.js";
import { Dialog } from "./ui.js";

const help = signal(false);

const isOn = (page) => route.value.page === page;
const job = () => (isOn("jobs") ? pageKeys.job() : isOn("job") ? jobOfPage.job : null);
const withJob = (action) => () => {
  const found = job();
  if (found) action(found);
};
const act = (...names) => withJob((found) => {
  const name = names.find((each) => ACTIONS[each].fits(found));
  if (name && !readOnly.value) perform(name, [found]);
});
const move = (step) => () => {
  if (isOn("jobs")) pageKeys.move(step);
  else document.querySelector(".log-box, .scroll")?.scrollBy({ top: step * 57 });
};
const page = (step) => () => {
  if (isOn("jobs")) pageKeys.move(step * 20);
  else {
    const box = document.querySelector(".log-box, .scroll");
    box?.scrollBy({ top: step * box.clientHeight * 0.9 });
  }
};
const part = (name) => withJob((found) => go("job", [found.id, name]));

export const KEYS = {
  Move: [
    [["ArrowUp", "k"], "↑ k", "move up", move(-1)],
    [["ArrowDown", "j"], "↓ j", "move down", move(1)],
    [["PageUp"], "PgUp", "move up one page", page(-1)],
    [["PageDown", " "], "PgDn Space", "move down one page", page(1)],
    [["Home", "g"], "Home g", "move to the top", () => (isOn("jobs") ? pageKeys.first() : logKeys.shown?.toStart())],
    [["End", "G"], "End G", "move to the end", () => (isOn("jobs") ? pageKeys.last() : logKeys.shown?.toEnd())],
    [["Enter"], "Enter", "open the job", () => isOn("jobs") && pageKeys.open()],
    [["x"], "x", "select the job", () => isOn("jobs") && pageKeys.select()],
  ],
  Inspect: [
    [["/"], "/", "search", () => document.querySelector("#jobs-search, .log-search")?.focus()],
    [["N"], "n N", "search further in the output, up or down", () => logKeys.shown?.search(1)],
    [["i"], "i", "show the details of the job", part("details")],
    [["d"], "d", "show the changes in its worktree", part("changes")],
    [["o"], "o", "show its output", part("output")],
    [["t"], "t", "show its timeline", part("timeline")],
  ],
  Control: [
    [["a"], "a", "answer its question", withJob((found) => {
      if (isOn("job")) document.querySelector(".question button, .question input")?.focus();
      else go("job", [found.id]);
    })],
    [["c"], "c", "cancel it, after confirmation", act("cancel")],
    [["r"], "r", "retry it, or start its next attempt now", act("retry")],
    [["p"], "p", "pause or resume it; hold or release a queued job", act("pause", "resume", "hold", "release")],
    [["n"], "n", "dispatch a job, where no output is searched", () => {
      if (document.querySelector(".log-search")?.value) logKeys.shown.search(-1);
      else if (!readOnly.value) openDispatch();
    }],
  ],
  General: [
    [["1"], "1 … 5", "go to the inbox, the jobs, schedules, spend, machine", () => go("inbox")],
    [["Escape"], "Esc", "close what is open, clear the filter, or return to the jobs", () => (isOn("job") || isOn("jobs")) && go("jobs")],
    [["?"], "?", "show all keys", () => { help.value = true; }],
  ],
};
const PAGES = { 2: "jobs", 3: "schedules", 4: "spend", 5: "machine" };

const EFFECTS = new Map(Object.values(KEYS).flat().flatMap(([keys, , , effect]) => keys.map((key) => [key, effect])));
for (const [key, name] of Object.entries(PAGES)) EFFECTS.set(key, () => go(name));

export function onKey(event) {
  if ((event.ctrlKey || event.metaKey) && event.key === "k") {
    event.preventDefault();
    openPalette();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const target = event.target;
  if (target.matches("input:not([type=checkbox]), textarea, select")) {
    if (event.key === "Escape") {
      if (target.matches(".log-search")) event.preventDefault(); // which would clear it, and n goes on searching
      target.blur();
    }
    return;
  }
  if ((event.key === "Enter" || event.key === " ") && target.matches("a, button, summary, input")) return;
  if (target.closest(".log-box, .diff") && /^(Arrow|Page|Home|End)/.test(event.key)) return;
  const effect = EFFECTS.get(event.key);
  if (!effect) return;
  event.preventDefault();
  effect();
}

export function KeysDialog() {
  if (!help.value) return null;
  return html`<${Dialog} label="Keys" onClose=${() => { help.value = false; }} wide>
    <h2>Keys</h2>
    <div class="keys">${Object.entries(KEYS).map(([group, keys]) => html`<section key=${group}><h3>${group}</h3><dl>
      ${keys.map(([, label, text]) => html`<dt key=${`t${label}`}><kbd>${label}</kbd></dt><dd key=${label}>${text}</dd>`)}</dl></section>`)}</div>
    <div class="row end"><button class="primary" autofocus onClick=${() => { help.value = false; }}>Close</button></div>
  <//>`;
}
