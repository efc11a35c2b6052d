// The requests of the page: ops of the protocol by POST, streams over one web socket.

import { signal } from "../vendor/preact.js";

/** "in", or "out" when the browser has no session. */
export const session = signal("in");
/** Whether luziad answers: `{ up, message }`. */
export const daemon = signal({ up: true, message: "" });

/** The other hosts by name: `{ up, message }`; a message says why one cannot be reached. */
export const hosts = signal({});
export const HERE = "local";

const FAR_ID = /^([A-Za-z0-9][A-Za-z0-9._-]*)\/(.+)$/;
/** The host of a job: an id such as `big/113754-a2f5` names another one. */
export const hostOf = (id) => FAR_ID.exec(id || "")?.[1] || HERE;
const idThere = (id) => FAR_ID.exec(id || "")?.[2] || id;
const idHere = (host, id) => (host === HERE || !id ? id : `${host}/${id}`);
/** Whether the host of a job cannot be reached: the job is shown as it was last known. */
export const isAway = (id) => hosts.value[hostOf(id)]?.up === false;

/** A reply of another host, with the ids of its jobs as they are here. */
function named(host, item) {
  const of = (each) => (typeof each === "string" ? idHere(host, each) : jobOf(host, each));
  const next = { ...item };
  if (item.job) next.job = of(item.job);
  if (Array.isArray(item.jobs)) next.jobs = item.jobs.map(of);
  if (item.collision) next.collision = collisionOf(host, item.collision);
  if (Array.isArray(item.hits)) next.hits = item.hits.map((hit) => ({ ...hit, job: of(hit.job) }));
  return next;
}

function jobOf(host, job) {
  const next = { ...job, id: idHere(host, job.id), parent: idHere(host, job.parent) };
  for (const name of ["after", "after_any", "after_fail"]) if (job[name]) next[name] = job[name].map((id) => idHere(host, id));
  if (job.collisions) next.collisions = job.collisions.map((each) => collisionOf(host, each));
  return next;
}

const collisionOf = (host, collision) => ({ ...collision, job: idHere(host, collision.job) });

export class Refused extends Error {
  constructor({ code, message, hint }) {
    super(message);
    this.code = code;
    this.hint = hint || "";
  }
}

const AWAY = ["daemon_unreachable", "connection_lost", "shutting_down"];
const HOST_RETRY_MS = 5000;
const DELAYS_MS = [100, 200, 500, 1000, 2000];

async function reply(response) {
  let body;
  try {
    body = await response.json();
  } catch {
    throw new Refused({ code: "unexpected_answer", message: `the server replied ${response.status}`, hint: "" });
  }
  if (body.error) {
    if (body.error.code === "no_session") session.value = "out";
    throw new Refused(body.error);
  }
  return body.ok;
}

async function send(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
  } catch {
    throw new Refused({ code: "server_unreachable", message: "luzia web does not answer", hint: "Start it with `luzia web`." });
  }
  return reply(response);
}

const post = (path, fields) => send(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(fields) });

/** Where the API of a host is. */
export const apiOf = (host) => (host === HERE ? "/api" : `/api/hosts/${encodeURIComponent(host)}`);

/** Make a request of the host of its job, or of `fields.host`; returns the object of its reply. Raises Refused. */
export async function call(op, fields = {}) {
  const { host = hostOf(fields.job || fields.parent), ...rest } = fields;
  if (host === HERE) return post(`/api/${op}`, rest);
  for (const name of ["job", "parent"]) if (rest[name]) rest[name] = idThere(rest[name]);
  return named(host, await post(`${apiOf(host)}/${op}`, rest));
}

/** The address of something about a job, with its id there. */
export const placeOf = (name, job, query = {}) => `${apiOf(hostOf(job))}/${name}?${new URLSearchParams({ job: idThere(job), ...query })}`;

export const get = (path) => send(path, {});

/** A page of jobs. */
export const list = (fields) => call("list", fields);

const SESSION_TRIES = 4;
const SESSION_PAUSE_MS = 200;

let socket = null;
let failures = 0;
let lastNumber = 0;
let retry = null;
const streams = new Map();

/** Open a stream. request: its fields now, with the cursor. item(kind, value): each frame. Returns a function to end it. */
export function stream(request, item) {
  lastNumber += 1;
  const number = lastNumber;
  streams.set(number, { request, item });
  connect();
  if (socket?.readyState === WebSocket.OPEN) begin(number);
  return () => {
    if (!streams.delete(number)) return;
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ op: "unsubscribe", id: number }));
  };
}

function begin(number) {
  const open = streams.get(number);
  const request = { ...open.request(), id: number };
  open.host = request.host = request.host || hostOf(request.job);
  if (request.job) request.job = idThere(request.job);
  socket.send(JSON.stringify(request));
}

function connect() {
  if (socket || session.value === "out") return;
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/socket`);
  socket.onopen = () => {
    for (const number of streams.keys()) begin(number);
  };
  socket.onmessage = ({ data }) => receive(JSON.parse(data));
  socket.onclose = ({ code }) => {
    socket = null;
    if (code === 4401) {
      session.value = "out";
      return;
    }
    daemon.value = { up: false, message: "luzia web does not answer" };
    later(connect);
  };
}

function later(action) {
  clearTimeout(retry);
  retry = setTimeout(action, DELAYS_MS[Math.min(failures, DELAYS_MS.length - 1)]);
  failures += 1;
}

function receive(frame) {
  const open = streams.get(frame.id);
  if (!open) return;
  if (frame.error && open.host !== HERE && [...AWAY, "host_unreachable"].includes(frame.error.code)) {
    setHost(open.host, false, frame.error.message);
    setTimeout(() => streams.has(frame.id) && socket?.readyState === WebSocket.OPEN && begin(frame.id), HOST_RETRY_MS);
    return;
  }
  if (frame.error) {
    if (AWAY.includes(frame.error.code)) {
      daemon.value = { up: false, message: frame.error.message };
      later(resumeAll);
      open.broken = true;
      return;
    }
    streams.delete(frame.id);
    open.item("error", new Refused(frame.error));
    return;
  }
  if (frame.ok !== undefined) {
    failures = 0;
    open.broken = false;
    if (open.host !== HERE) setHost(open.host, true);
    else if (!daemon.value.up) daemon.value = { up: true, message: "" };
    open.item("start", null);
  } else if (frame.event) open.item("event", open.host === HERE ? frame.event : named(open.host, frame.event));
  else if (frame.output) open.item("output", frame.output);
  else if (frame.end || frame.lagged) {
    streams.delete(frame.id);
    open.item(frame.end ? "end" : "lagged", frame.end || frame.lagged);
  }
}

export function setHost(host, up, message = "") {
  const known = hosts.value[host];
  if (known && (known.up !== up || known.message !== message)) hosts.value = { ...hosts.value, [host]: { up, message } };
}

function resumeAll() {
  if (socket?.readyState !== WebSocket.OPEN) return;
  for (const [number, open] of streams) if (open.broken) begin(number);
}

/** Exchange the token of the link, if there is one, for a session, and go to the place that the link names. */
export async function signIn() {
  const link = new URLSearchParams(location.hash.slice(1));
  if (!link.has("token")) return;
  history.replaceState(null, "", link.has("to") ? `/#/${link.get("to")}` : "/");
  dispatchEvent(new HashChangeEvent("hashchange"));
  try {
    await takeSession(link.get("token"));
  } catch (error) {
    await get("/api/about").catch(() => Promise.reject(error)); // a browser that is signed in needs no token
  }
}

/** Exchange a token for a session; tried again where no reply arrives, as when the network changes at that moment. */
async function takeSession(token) {
  for (let tries = 1; ; tries++) {
    try {
      return await call("session", { token });
    } catch (error) {
      if (error.code !== "server_unreachable" || tries === SESSION_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, SESSION_PAUSE_MS * tries));
    }
  }
}

export async function signOut() {
  await call("session/end");
  session.value = "out";
}
