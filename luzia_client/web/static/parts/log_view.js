// The output of an attempt on the screen: it opens at the end and follows it, and can be searched.

import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact.js";
import { pieces, plain } from "../core/ansi.js";
import { placeOf } from "../core/api.js";
import { bytes, isFinal } from "../core/format.js";
import { Log } from "../core/log.js";
import { logKeys } from "../core/shown.js";
import { attempt as tryTo } from "./ui.js";
import { useWindow, Rows } from "./virtual.js";

export const ROW = 19;

function columnsOf(element) {
  const probe = document.createElement("span");
  probe.className = "log-probe";
  probe.textContent = "0".repeat(50);
  element.append(probe);
  const width = probe.getBoundingClientRect().width / 50;
  probe.remove();
  return Math.max(20, Math.floor((element.clientWidth - 28) / width));
}

export function LogView({ job, rendered }) {
  const newest = job.attempt || 1;
  const [number, setNumber] = useState(null);
  const [name, setName] = useState(rendered ? "transcript" : "stdout");
  const [folded, setFolded] = useState(false);
  const [text, setText] = useState("");
  const [found, setFound] = useState(-1);
  const [following, setFollowing] = useState(true);
  const box = useRef(null);
  const sticky = useRef(true);
  const shown = number ?? newest;
  const source = { stream: name === "stderr" ? "stderr" : "stdout", render: name === "transcript" ? "colour" : "none" };
  const log = useMemo(() => new Log(job.id, shown, source), [job.id, shown, name]);
  log.changed.value; // eslint-disable-line no-unused-expressions -- subscribes this component
  const view = useWindow(box, log.rows.length, ROW);

  useEffect(() => {
    sticky.current = true;
    setFollowing(true);
    log.follow();
    return () => log.close();
  }, [log]);

  useEffect(() => {
    const element = box.current;
    const observer = new ResizeObserver(() => log.layout(columnsOf(element), folded));
    observer.observe(element);
    log.layout(columnsOf(element), folded);
    return () => observer.disconnect();
  }, [log, folded]);

  useLayoutEffect(() => {
    if (sticky.current) box.current.scrollTop = box.current.scrollHeight;
  });

  const scrolled = async () => {
    const element = box.current;
    const end = element.scrollTop + element.clientHeight >= element.scrollHeight - 2 * ROW;
    if (end !== sticky.current) {
      sticky.current = end && log.atEnd;
      setFollowing(sticky.current);
    }
    if (end && !log.atEnd) await tryTo(() => log.later());
    if (element.scrollTop < 40 * ROW && log.hasEarlier && !sticky.current) {
      const added = await tryTo(() => log.earlier());
      if (added) requestAnimationFrame(() => { element.scrollTop += added * ROW; });
    }
  };
  const toEnd = () => {
    sticky.current = true;
    setFollowing(true);
    if (log.atEnd) box.current.scrollTop = box.current.scrollHeight;
    else log.toEnd();
  };
  const toStart = async () => {
    sticky.current = false;
    setFollowing(false);
    if (log.hasEarlier || !log.atEnd) await tryTo(() => log.toStart());
    box.current.scrollTop = 0;
  };
  const search = (step) => {
    const wanted = text.toLowerCase();
    if (!wanted || !log.rows.length) return;
    const begin = found >= 0 ? found : log.rows.length;
    for (let passed = 1; passed <= log.rows.length; passed += 1) {
      const at = (((begin + step * passed) % log.rows.length) + log.rows.length) % log.rows.length;
      if (plain(log.rows[at]).toLowerCase().includes(wanted)) {
        sticky.current = false;
        setFollowing(false);
        setFound(at);
        box.current.scrollTop = Math.max(0, at * ROW - box.current.clientHeight / 2);
        return;
      }
    }
    setFound(-1);
  };
  useEffect(() => {
    logKeys.shown = { search, toStart, toEnd };
    return () => { logKeys.shown = null; };
  });
  const ended = log.ended.value !== null || isFinal(job.state);

  return html`<section class="log" aria-label="Output">
    <div class="log-bar">
      <div class="segments" role="group" aria-label="What to show">
        ${[rendered && "transcript", "stdout", "stderr"].filter(Boolean).map(
          (each) => html`<button key=${each} aria-pressed=${name === each} onClick=${() => setName(each)}>${each === "stdout" && rendered ? "raw" : each === "stdout" ? "output" : each}</button>`,
        )}
      </div>
      ${newest > 1 && html`<label class="inline"><span class="sr">Attempt</span><select value=${shown} onChange=${(event) => setNumber(Number(event.target.value))}>
        ${Array.from({ length: newest }, (_, index) => html`<option value=${index + 1}>attempt ${index + 1}</option>`)}
      </select></label>`}
      ${name === "transcript" && html`<label class="inline"><input type="checkbox" checked=${folded} onChange=${(event) => setFolded(event.target.checked)} /> fold results</label>`}
      <input class="log-search" type="search" placeholder="Search the loaded output" aria-label="Search the output" value=${text}
        onInput=${(event) => { setText(event.target.value); setFound(-1); }}
        onKeyDown=${(event) => event.key === "Enter" && search(event.shiftKey ? 1 : -1)} />
      <span class="grow"></span>
      <span class="muted num">${log.size ? bytes(log.size) : ""}</span>
      <a class="button" href=${placeOf("output", job.id, { attempt: shown, stream: source.stream })} download=${`${job.id.replace("/", "-")}-${shown}-${source.stream}.txt`}>Download</a>
    </div>
    <div class="log-box" ref=${box} onScroll=${scrolled} tabindex="0" role="log" aria-label=${`${name} of job ${job.id}`}>
      <${Rows} view=${view}>
        ${log.rows.slice(view.first, view.last).map(
          (row, index) => html`<div key=${view.first + index} class=${`log-row ${view.first + index === found ? "found" : ""}`}>${pieces(row).map(
            (piece) => (piece.names ? html`<span class=${piece.names}>${piece.text}</span>` : piece.text),
          )}</div>`,
        )}
      <//>
      ${log.problem.value && html`<p class="muted pad">${log.problem.value.message}</p>`}
      ${!log.rows.length && !log.problem.value && html`<p class="muted pad">${ended ? "There is no output." : "There is no output yet."}</p>`}
    </div>
    <div class="log-foot">
      <button class="plain" onClick=${toStart}>Start</button>
      <button class="plain" onClick=${toEnd} aria-pressed=${following}>${following ? (ended ? "At the end" : "Following") : "Go to the end"}</button>
      ${log.hasEarlier && html`<span class="muted">earlier output is loaded as you scroll up</span>`}
    </div>
  </section>`;
}
