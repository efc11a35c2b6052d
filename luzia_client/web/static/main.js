// The frame of the page: signing in, the navigation, the place, keys, and what the title says.

import { html, render, signal, useEffect } from "./vendor/preact.js";
import { daemon, hosts, session } from "./core/api.js";
import { counts, notices, version, readOnly } from "./core/live.js";
import { href, route } from "./core/router.js";
import { loadSetup } from "./core/setup.js";
import { open, opening } from "./core/start.js";
import { DispatchDialog, openDispatch } from "./parts/dispatch.js";
import { KeysDialog, onKey } from "./parts/keys.js";
import { Palette, openPalette } from "./parts/palette.js";
import { Settings, applyTheme, openSettings } from "./parts/settings.js";
import { updateTitle } from "./parts/attention.js";
import { Confirmation, Toasts } from "./parts/ui.js";
import { InboxPage, needsCount, watchInbox } from "./pages/inbox.js";
import { JobsPage } from "./pages/jobs.js";

const PRELOAD_MS = 1500;
/** The pages that are loaded when they are shown first, or a moment after the start. */
const LATER = {
  job: async () => (await import("./pages/job.js")).JobPage,
  schedules: async () => (await import("./pages/schedules.js")).SchedulesPage,
  spend: async () => (await import("./pages/spend.js")).SpendPage,
  machine: async () => (await import("./pages/machine.js")).MachinePage,
};
const pages = signal({ inbox: InboxPage, jobs: JobsPage });
const NAVIGATION = { inbox: ["Inbox", "✉"], jobs: ["Jobs", "≡"], schedules: ["Schedules", "◷"], spend: ["Spend", "∑"], machine: ["Machine", "▤"] };

async function load(name) {
  if (!LATER[name] || pages.value[name]) return;
  try {
    const page = await LATER[name]();
    pages.value = { ...pages.value, [name]: page };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // otherwise luzia web does not answer, and the page says so
    setTimeout(load, PRELOAD_MS, name);
  }
}

const Loading = () => html`<p class="muted pad" aria-busy="true">Loading…</p>`;

const ready = signal(false);
const problem = signal(null);

function SignedOut() {
  return html`<main class="signed-out"><img src="/icon.svg" width="48" height="48" alt="" /><h1>luzia</h1>
    <p>${problem.value?.message || "There is no session in this browser."}</p>
    <p class="muted">Run <code>luzia web url</code> and open the link that it prints. A link works once, for one minute.</p></main>`;
}

function Navigation() {
  const { page } = route.value;
  const open = needsCount.value;
  const active = ["starting", "running", "waiting", "paused", "stopping"].reduce((sum, state) => sum + (counts.value[state] || 0), 0);
  const numbers = { inbox: open, jobs: active };
  useEffect(() => updateTitle(open), [open]);
  return html`<nav class="navigation" aria-label="Pages">
    <a class="brand hide-phone" href=${href("inbox")}><img src="/icon.svg" width="20" height="20" alt="" />luzia</a>
    ${Object.entries(NAVIGATION).map(([name, [label, sign]]) => html`<a key=${name} class="nav" href=${href(name)} aria-current=${page === name || (page === "job" && name === "jobs") ? "page" : undefined}>
      <span class="nav-sign" aria-hidden="true">${sign}</span><span>${label}</span>${numbers[name] > 0 && html`<span class=${`pill num ${name === "inbox" ? "urgent" : ""}`}>${numbers[name]}</span>`}</a>`)}
    <span class="grow hide-phone"></span>
    <button class="nav plain hide-phone" onClick=${openPalette}><span class="nav-sign" aria-hidden="true">⌘</span>Find <kbd>Ctrl K</kbd></button>
    <button class="nav plain hide-phone" onClick=${openSettings}><span class="nav-sign" aria-hidden="true">⚙</span>Settings</button>
    <p class="muted small hide-phone">${version.value}${readOnly.value ? " · read-only" : ""}</p>
  </nav>`;
}

function App() {
  useEffect(() => {
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  useEffect(() => { load(route.value.page); }, [route.value.page]);
  if (session.value === "out") return html`<${SignedOut} />`;
  if (!ready.value) return html`<main class="signed-out" aria-busy="true"><p class="muted">${problem.value ? problem.value.message : "Loading…"}</p></main>`;
  const { page } = route.value;
  const Page = pages.value[page] || (LATER[page] ? Loading : InboxPage);
  return html`<a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.getElementById("main").focus(); }}>Skip to the page</a>
    <${Navigation} />
    <main id="main" tabindex="-1">
      ${!daemon.value.up && html`<div class="banner" role="alert"><strong>luziad is away.</strong> ${daemon.value.message} What is shown stays; it continues when luziad is back.</div>`}
      ${Object.entries(hosts.value).filter(([, host]) => host.up === false).map(([name, host]) => html`<div key=${name} class="banner note-banner" role="status"><strong>${name} is unreachable.</strong> ${host.message}. Its jobs are shown as they were last known.</div>`)}
      ${notices.value.map((each) => html`<div key=${each} class="banner note-banner" role="status">${each}</div>`)}
      <${Page} />
    </main>
    ${!readOnly.value && html`<div class="phone-bar"><button class="primary" onClick=${() => openDispatch()} aria-label="Dispatch a job">+</button></div>`}
    <${DispatchDialog} /><${Palette} /><${KeysDialog} /><${Settings} /><${Confirmation} /><${Toasts} />`;
}

async function begin(opened) {
  try {
    await opened;
    ready.value = true;
    watchInbox();
    setTimeout(() => Object.keys(LATER).forEach(load), PRELOAD_MS);
    await loadSetup();
  } catch (error) {
    if (!error.code) throw error;
    problem.value = error;
    if (session.value === "in" && !ready.value) setTimeout(() => begin(open()), 1000);
  }
}

applyTheme();
render(html`<${App} />`, document.getElementById("app"));
begin(opening);
