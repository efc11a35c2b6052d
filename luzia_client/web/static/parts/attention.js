// What a tab says while it is not seen: its title, its icon, and notices where the user allows them.

import { listen } from "../core/live.js";
import { go } from "../core/router.js";

let shown = 0;

function icon(count) {
  const canvas = document.createElement("canvas");
  canvas.width = 64;
  canvas.height = 64;
  const draw = canvas.getContext("2d");
  draw.fillStyle = count ? "#b45309" : "#1f6f5c";
  draw.beginPath();
  draw.roundRect(0, 0, 64, 64, 14);
  draw.fill();
  draw.fillStyle = "#fff";
  draw.font = "bold 40px sans-serif";
  draw.textAlign = "center";
  draw.textBaseline = "middle";
  draw.fillText(count ? (count > 9 ? "9+" : String(count)) : "L", 32, 35);
  return canvas.toDataURL("image/png");
}

/** Show how many jobs need the user in the title and the icon. */
export function updateTitle(count) {
  document.title = count ? `(${count}) luzia` : "luzia";
  if (count !== shown) document.querySelector('link[rel="icon"]').href = count ? icon(count) : "/icon.svg";
  shown = count;
}

const WORTH = { asked: "asks a question", ended: "has ended" };
export const noticesWanted = () => localStorage.getItem("luzia.notices") === "on" && globalThis.Notification?.permission === "granted";

listen((event) => {
  if (!document.hidden || !WORTH[event.kind] || !noticesWanted()) return;
  const text = event.kind === "ended" ? `${event.state}${event.reason ? `: ${event.reason}` : ""}` : event.question.text || "";
  const notice = new Notification(`${event.project.split("/").pop()}: job ${event.job} ${WORTH[event.kind]}`, { body: text, tag: event.job });
  notice.onclick = () => {
    globalThis.focus();
    go("job", [event.job]);
  };
});
