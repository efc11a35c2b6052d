// The lines of a diff, each in its colour.

import { html } from "../vendor/preact.js";

function toneOf(line) {
  if (line.startsWith("@@")) return "hunk";
  if (line.startsWith("+++") || line.startsWith("---")) return "meta";
  return { "+": "added", "-": "deleted", " ": "" }[line[0]] ?? "meta";
}

export const PlainDiff = ({ lines }) => lines.map((line, index) => html`<span key=${index} class=${`diff-line ${toneOf(line)}`}>${line || " "}</span>`);
