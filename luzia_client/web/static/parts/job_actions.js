// What can be done with a job, by its state: the same for the page of a job, the list and the palette.

import { act } from "../core/live.js";
import { isFinal, plural } from "../core/format.js";
import { attempt, confirm, toast } from "./ui.js";

export const ACTIONS = {
  cancel: { label: "Cancel", key: "c", danger: true, fits: (job) => !isFinal(job.state) && job.state !== "stopping" },
  retry: { label: "Retry", key: "r", fits: (job) => isFinal(job.state) || (job.state === "queued" && job.not_before) },
  pause: { label: "Pause", key: "p", fits: (job) => job.state === "running" },
  resume: { label: "Resume", key: "p", fits: (job) => job.state === "paused" },
  hold: { label: "Hold", key: "p", fits: (job) => job.state === "queued" && !job.held_at },
  release: { label: "Release", key: "p", fits: (job) => job.state === "queued" && job.held_at },
  accept: { label: "Accept", fits: (job) => job.state === "completed" && job.review === "wanted" },
  reject: { label: "Reject", danger: true, fits: (job) => job.state === "completed" && job.review === "wanted" },
  remove: { label: "Remove", danger: true, fits: (job) => isFinal(job.state) },
};

const WARNINGS = {
  cancel: "Its processes are terminated.",
  reject: "The jobs that need its work are skipped.",
  remove: "Its record and its output are deleted.",
};

/** Do something with jobs, after a question where it cannot be undone. Returns how many requests succeeded. */
export async function perform(name, jobs) {
  const fitting = jobs.filter(ACTIONS[name].fits);
  if (!fitting.length) {
    toast(`${ACTIONS[name].label}: not possible in this state`);
    return 0;
  }
  const what = fitting.length === 1 ? `job ${fitting[0].id}` : plural(fitting.length, "job");
  if (WARNINGS[name] && !(await confirm(`${ACTIONS[name].label} ${what}?`, WARNINGS[name], ACTIONS[name].label))) return 0;
  if (fitting.length === 1) {
    const done = await attempt(() => act(name, fitting[0].id), `${ACTIONS[name].label}: ${what}`);
    return done ? 1 : 0;
  }
  let failed = 0;
  const queue = [...fitting];
  const worker = async () => {
    for (let job = queue.pop(); job; job = queue.pop()) {
      try {
        await act(name, job.id);
      } catch (error) {
        if (!error.code) throw error;
        failed += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  toast(`${ACTIONS[name].label}: ${plural(fitting.length - failed, "job")}${failed ? `, ${failed} refused` : ""}`, { tone: failed ? "bad" : "" });
  return fitting.length - failed;
}
