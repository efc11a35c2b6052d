// The graph of a job: what it depends on, what depends on it, and its sub-jobs, laid out from left to right.

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import dagre from "../vendor/dagre.js";
import { call, list } from "../core/api.js";
import { STATES, title } from "../core/format.js";
import { epoch, jobSignal, listen, putAll } from "../core/live.js";
import { go, href } from "../core/router.js";
import { Empty } from "./ui.js";

const WIDTH = 210;
const HEIGHT = 46;
const LEAST_FIT = 0.5; // the texts are readable at this size, and a larger graph is scrolled

export function layout(jobs) {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: matchMedia("(max-width: 760px)").matches ? "TB" : "LR", nodesep: 14, ranksep: 46, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  const known = new Set(jobs.map((job) => job.id));
  for (const job of jobs) graph.setNode(job.id, { width: WIDTH, height: HEIGHT });
  const edge = (from, to, kind) => known.has(from) && graph.setEdge(from, to, { kind });
  for (const job of jobs) {
    for (const before of job.after || []) edge(before, job.id, "after");
    for (const before of job.after_any || []) edge(before, job.id, "any");
    for (const before of job.after_fail || []) edge(before, job.id, "fail");
    if (job.parent) edge(job.parent, job.id, "parent");
  }
  dagre.layout(graph);
  return graph;
}

async function readFamily(id) {
  const { jobs, cut } = await call("graph_show", { job: id });
  const found = new Map(jobs.map((job) => [job.id, job]));
  const own = found.get(id) || jobs[0];
  const wanted = [own?.id, own?.parent].filter(Boolean);
  for (const parent of wanted) {
    const page = await list({ parent, limit: 200 });
    for (const job of page.jobs) found.set(job.id, job);
  }
  if (own?.parent && !found.has(own.parent)) found.set(own.parent, (await call("status", { job: own.parent })).job);
  return { jobs: [...found.values()], cut };
}

function Node({ id, box, isOwn }) {
  const held = jobSignal(id);
  const job = held?.value;
  if (!job) return null;
  const { sign, tone, label } = STATES[job.state];
  const text = title(job);
  return html`<a class=${`node tone-${tone} ${isOwn ? "own" : ""}`} href=${href("job", [id])} data-job=${id}>
    <title>${text}</title>
    <rect x=${box.x - WIDTH / 2} y=${box.y - HEIGHT / 2} width=${WIDTH} height=${HEIGHT} rx="6" />
    <text class="node-title" x=${box.x - WIDTH / 2 + 28} y=${box.y - 3}>${text.length > 25 ? `${text.slice(0, 24)}…` : text}</text>
    <text class="node-sub" x=${box.x - WIDTH / 2 + 28} y=${box.y + 13}>${label} · ${job.agent}</text>
    <text class="node-sign" aria-hidden="true" x=${box.x - WIDTH / 2 + 10} y=${box.y + 4}>${sign}</text>
  </a>`;
}

export function Graph({ job }) {
  const [family, setFamily] = useState(null);
  const [chosen, setZoom] = useState(null);
  const [room, setRoom] = useState(null);
  const box = useRef(null);
  useEffect(() => {
    let timer = null;
    const read = async () => {
      timer = null;
      try {
        const found = await readFamily(job.id);
        putAll(found.jobs);
        setFamily(found);
      } catch (error) {
        if (!error.code) throw error;
        setFamily({ jobs: [], problem: error });
      }
    };
    read();
    const soon = () => { timer ??= setTimeout(read, 500); };
    const stops = [listen((event) => event.kind === "dispatched" && soon()), epoch.subscribe((value) => value > 1 && soon())];
    return () => {
      clearTimeout(timer);
      for (const stop of stops) stop();
    };
  }, [job.id]);
  useEffect(() => {
    if (box.current) setRoom(box.current.clientWidth);
  }, [family]);
  if (!family) return html`<p class="muted pad">Reading the graph…</p>`;
  if (family.problem) return html`<p class="problem pad">${family.problem.message}</p>`;
  if (family.jobs.length < 2) return html`<${Empty} title="This job has no dependencies and no sub-jobs." />`;
  const graph = layout(family.jobs);
  const { width, height } = graph.graph();
  const zoom = chosen ?? Math.max(LEAST_FIT, Math.min(1, (room ?? width) / width));
  const keys = (event) => {
    const step = { "+": 1.25, "=": 1.25, "-": 0.8 }[event.key];
    if (step) setZoom(Math.min(3, Math.max(0.25, zoom * step)));
    else if (event.key === "0") setZoom(1);
    else if (["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown"].includes(event.key)) {
      const nodes = [...box.current.querySelectorAll("a.node")];
      const at = nodes.indexOf(document.activeElement);
      const next = nodes[(at + (event.key === "ArrowRight" || event.key === "ArrowDown" ? 1 : nodes.length - 1)) % nodes.length];
      next?.focus();
    } else if (event.key === "Enter" && document.activeElement?.dataset.job) go("job", [document.activeElement.dataset.job, "graph"]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return html`<div class="graph" onKeyDown=${keys}>
    <div class="row graph-bar">
      <span class="muted">${family.jobs.length} jobs${family.cut ? ", and more" : ""}</span><span class="grow"></span>
      <button aria-label="Zoom out" onClick=${() => setZoom(Math.max(0.25, zoom * 0.8))}>−</button>
      <button aria-label=${`${Math.round(zoom * 100)}%, zoom to 100%`} class="num" onClick=${() => setZoom(1)}>${Math.round(zoom * 100)}%</button>
      <button aria-label="Zoom in" onClick=${() => setZoom(Math.min(3, zoom * 1.25))}>+</button>
    </div>
    <div class="graph-box" ref=${box} tabindex="0" aria-label="Graph of jobs">
      <svg width=${width * zoom} height=${height * zoom} viewBox=${`0 0 ${width} ${height}`} role="group" aria-label="Jobs and their dependencies">
        <defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" class="arrow" /></marker></defs>
        ${graph.edges().map((each) => {
          const { points, kind } = graph.edge(each);
          return html`<path key=${`${each.v}-${each.w}`} class=${`edge edge-${kind}`} d=${`M${points.map((point) => `${point.x},${point.y}`).join("L")}`} marker-end="url(#arrow)" />`;
        })}
        ${graph.nodes().map((id) => html`<${Node} key=${id} id=${id} box=${graph.node(id)} isOwn=${id === job.id} />`)}
      </svg>
    </div>
  </div>`;
}
