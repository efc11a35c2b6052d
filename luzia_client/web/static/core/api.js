// The requests of the page: ops of the protocol by POST, streams over one web socket.

import { signal } from "../vendor/preact.js";

/** "in", or "out" when the browser has no session. */
export const session = signal("in");
/** Whether luziad answers: `{ up, message }`. */
export const daemon = signal({ up: true, message: "" });

export class Refused extends Error {
  constructor({ code, message, hint }) {
    super(message);
    this.code = code;
    this.hint = hint || "";
  }
}

const AWAY = ["daemon_unreachable", "connection_lost", "shutting_down"];
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

/** Make a request; returns the object of its reply. Raises Refused. */
export const call = (op, fields = {}) =>
  send(`/api/${op}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(fields) });

export const get = (path) => send(path, {});

/** A page of jobs. */
export const list = (fields) => call("list", fields);

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
  const request = streams.get(number).request();
  socket.send(JSON.stringify({ ...request, id: number }));
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
    if (!daemon.value.up) daemon.value = { up: true, message: "" };
    open.item("start", null);
  } else if (frame.event) open.item("event", frame.event);
  else if (frame.output) open.item("output", frame.output);
  else if (frame.end || frame.lagged) {
    streams.delete(frame.id);
    open.item(frame.end ? "end" : "lagged", frame.end || frame.lagged);
  }
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
    await call("session", { token: link.get("token") });
  } catch (error) {
    await get("/api/about").catch(() => Promise.reject(error)); // a browser that is signed in needs no token
  }
}

export async function signOut() {
  await call("session/end");
  session.value = "out";
}
