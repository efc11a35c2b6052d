// Output as rows of text: what controls a terminal is dropped, colours become classes, nothing becomes HTML.

import Anser from "../vendor/anser.js";

const SGR = /\x1b\[[0-9;:]*m/g;
const OTHER = /\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)?|\[[0-?]*[ -/]*[@-ln-~]|[PX^_][^\x1b]*(?:\x1b\\)?|[@-Z\\-_]|[()#][0-9A-Za-z])|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]/g;

/** A line as a terminal would leave it: after a carriage return, the line is written again. */
export function clean(line) {
  let text = line.endsWith("\r") ? line.slice(0, -1) : line;
  const back = text.lastIndexOf("\r");
  if (back >= 0) text = text.slice(back + 1);
  return text.includes("\x1b") || /[\x00-\x08\x0b-\x1a\x7f]/.test(text) ? text.replace(OTHER, "") : text;
}

export const plain = (line) => (line.includes("\x1b") ? line.replace(SGR, "") : line);

/** The rows of a clean line in a box of `columns` characters; each row begins with the colours that hold there. */
export function wrap(line, columns) {
  const tabbed = line.includes("\t") ? line.replace(/\t/g, "    ") : line;
  if (tabbed.length <= columns || plain(tabbed).length <= columns) return [tabbed];
  const rows = [];
  let active = "";
  let row = "";
  let width = 0;
  let at = 0;
  while (at < tabbed.length) {
    if (tabbed[at] === "\x1b") {
      SGR.lastIndex = at;
      const match = SGR.exec(tabbed);
      if (match && match.index === at) {
        active = /^\x1b\[0?m$/.test(match[0]) ? "" : active + match[0];
        row += match[0];
        at += match[0].length;
        continue;
      }
    }
    const next = tabbed.indexOf("\x1b", at + 1);
    const piece = tabbed.slice(at, Math.min(at + columns - width, next < 0 ? tabbed.length : next));
    row += piece;
    width += piece.length;
    at += piece.length;
    if (width >= columns) {
      rows.push(row);
      row = active;
      width = 0;
    }
  }
  if (width) rows.push(row);
  return rows;
}

/** A row as pieces of text with class names. */
export function pieces(row) {
  if (!row.includes("\x1b")) return [{ text: row, names: "" }];
  return Anser.ansiToJson(row, { use_classes: true, remove_empty: true }).map(({ content, fg, bg, decorations }) => ({
    text: content,
    names: [fg && `${fg}-fg`, bg && `${bg}-bg`, ...(decorations || []).map((each) => `ansi-${each}`)].filter(Boolean).join(" "),
  }));
}
