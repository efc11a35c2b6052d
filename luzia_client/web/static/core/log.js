// The output of an attempt: a window of its lines that follows the end and grows backwards, of bounded size.

import { signal } from "../vendor/preact.js";
import { call, stream } from "./api.js";
import { clean, plain, wrap } from "./ansi.js";

export const TAIL_LINES = 2000;
const BACK_BYTES = 256 * 1024;
const MOST_CHARS = 12 * 1024 * 1024;

const decode = (base64) => Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));

export class Log {
  /** job: its id. attempt: a number, or null for the newest. source: { stream, render }. */
  constructor(job, attempt, source) {
    this.job = job;
    this.attempt = attempt;
    this.source = source;
    this.chunks = []; // { from, to, text }: offsets in bytes
    this.size = 0;
    this.columns = 200;
    this.folded = false;
    this.rows = [];
    this.rest = ""; // the incomplete last line
    this.restRows = 0;
    this.dropped = 0;
    this.ended = signal(null);
    this.changed = signal(0);
    this.problem = signal(null);
    this.atEnd = true;
    this.loading = false;
    this.stop = () => {};
  }

  get from() {
    return this.chunks.length ? this.chunks[0].from : 0;
  }

  get to() {
    return this.chunks.length ? this.chunks[this.chunks.length - 1].to : null;
  }

  get hasEarlier() {
    return this.from > this.dropped;
  }

  /** Begin at the last lines and follow. */
  follow() {
    this.atEnd = true;
    this.stop();
    this.stop = stream(
      () => {
        const where = this.to === null ? { tail: TAIL_LINES } : { offset: this.to };
        return { op: "follow", job: this.job, attempt: this.attempt, ...this.source, ...where };
      },
      (kind, item) => {
        if (kind === "output") this.take(item);
        else if (kind === "end") {
          this.flushRest();
          this.ended.value = item;
          this.touch();
        } else if (kind === "error") this.problem.value = item;
      },
    );
  }

  close() {
    this.stop();
    this.stop = () => {};
  }

  take(piece) {
    this.attempt = piece.attempt;
    this.size = piece.size;
    this.dropped = piece.dropped_bytes || 0;
    if (this.to !== null && piece.offset < this.to) this.clear(); // the job has truncated its output
    if (piece.next_offset === piece.offset && !piece.data) {
      this.touch();
      return;
    }
    this.chunks.push({ from: piece.offset, to: piece.next_offset, text: piece.data });
    this.append(piece.data);
    this.shrink();
    this.touch();
  }

  touch() {
    this.changed.value += 1;
  }

  clear() {
    this.chunks = [];
    this.rows = [];
    this.rest = "";
    this.restRows = 0;
  }

  append(text) {
    if (this.restRows) this.rows.length -= this.restRows;
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop();
    for (const line of lines) this.add(line);
    this.restRows = this.rest ? this.add(this.rest) : 0;
  }

  flushRest() {
    this.rest = "";
    this.restRows = 0;
  }

  add(line) {
    const text = clean(line);
    if (this.folded && /^ {2}[|] ?/.test(plain(text))) return 0;
    const rows = wrap(text, this.columns);
    for (const row of rows) this.rows.push(row);
    return rows.length;
  }

  /** Make all rows again, for another width or folding. */
  rebuild() {
    this.rows = [];
    this.rest = "";
    this.restRows = 0;
    for (const chunk of this.chunks) this.append(chunk.text);
    this.touch();
  }

  layout(columns, folded) {
    if (columns === this.columns && folded === this.folded) return;
    this.columns = columns;
    this.folded = folded;
    this.rebuild();
  }

  /** Drop the oldest chunks when the window is too large and its end is being read. */
  shrink() {
    let total = this.chunks.reduce((sum, chunk) => sum + chunk.text.length, 0);
    if (!this.atEnd || total <= MOST_CHARS) return;
    while (total > MOST_CHARS * 0.7 && this.chunks.length > 1) total -= this.chunks.shift().text.length;
    this.rebuild();
  }

  /** Load what comes before the window. Returns how many rows were added before the others. */
  async earlier() {
    if (this.loading || !this.hasEarlier || this.to === null) return 0;
    this.loading = true;
    try {
      const end = this.from;
      const begin = Math.max(this.dropped, end - BACK_BYTES);
      const chunk = await this.read(begin, end);
      if (!chunk || this.from !== end) return 0;
      const before = this.rows.length;
      this.chunks.unshift(chunk);
      this.rebuild();
      return this.rows.length - before;
    } finally {
      this.loading = false;
    }
  }

  /** Bytes from the first whole line after `begin` to `end`, as text. */
  async read(begin, end) {
    const { stream: name, render } = this.source;
    const request = { job: this.job, attempt: this.attempt, stream: name };
    const raw = decode((await call("logs", { ...request, offset: begin, max_bytes: end - begin, encoding: "base64" })).data);
    const newline = begin <= this.dropped ? -1 : raw.indexOf(10);
    const skipped = newline + 1;
    if (render === "none" || raw.length === 0) {
      return { from: begin + skipped, to: end, text: new TextDecoder().decode(raw.subarray(skipped)) };
    }
    const parts = [];
    let at = begin + skipped;
    while (at < end) {
      const piece = await call("logs", { ...request, render, offset: at, max_bytes: end - at });
      parts.push(piece.data);
      if (piece.next_offset <= at) break;
      at = piece.next_offset;
    }
    return { from: begin + skipped, to: end, text: parts.join("") };
  }

  /** Show the beginning of the output; the end is followed again by `follow`. */
  async toStart() {
    this.close();
    this.clear();
    this.atEnd = false;
    const piece = await call("logs", { job: this.job, attempt: this.attempt, ...this.source, offset: 0, max_bytes: 1024 * 1024 });
    this.take(piece);
  }

  /** Load what comes after the window, when it does not reach the end. */
  async later() {
    if (this.atEnd || this.loading || this.to === null || this.to >= this.size) return;
    this.loading = true;
    try {
      const piece = await call("logs", { job: this.job, attempt: this.attempt, ...this.source, offset: this.to, max_bytes: BACK_BYTES });
      if (piece.next_offset > piece.offset) this.take(piece);
    } finally {
      this.loading = false;
    }
  }

  toEnd() {
    this.clear();
    this.follow();
  }
}
