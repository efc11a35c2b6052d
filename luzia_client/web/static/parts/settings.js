// The settings of this browser: colours, notices, and the session.

import { html, signal, useState } from "../vendor/preact.js";
import { signOut } from "../core/api.js";
import { Dialog, attempt } from "./ui.js";

const open = signal(false);
export const openSettings = () => {
  open.value = true;
};

const theme = () => localStorage.getItem("luzia.theme") || "system";
export function applyTheme(name = theme()) {
  localStorage.setItem("luzia.theme", name);
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
}
export const nextTheme = () => applyTheme({ system: "light", light: "dark", dark: "system" }[theme()]);

export function Settings() {
  const [chosen, setChosen] = useState(theme());
  const [notices, setNotices] = useState(localStorage.getItem("luzia.notices") === "on");
  if (!open.value) return null;
  const close = () => {
    open.value = false;
  };
  const toggle = async (event) => {
    const wanted = event.target.checked;
    const allowed = !wanted || (await Notification.requestPermission()) === "granted";
    localStorage.setItem("luzia.notices", wanted && allowed ? "on" : "off");
    setNotices(wanted && allowed);
  };
  return html`<${Dialog} label="Settings" onClose=${close}>
    <h2>Settings</h2>
    <fieldset><legend>Colours</legend>
      ${["system", "light", "dark"].map((name) => html`<label key=${name} class="inline"><input type="radio" name="theme" checked=${chosen === name} onChange=${() => { applyTheme(name); setChosen(name); }} /> ${name}</label>`)}
    </fieldset>
    <label class="inline"><input type="checkbox" checked=${notices} onChange=${toggle} /> Notifications of the browser when a job ends or asks a question, while the tab is hidden</label>
    <div class="row end"><button onClick=${() => attempt(signOut)}>Sign out</button><span class="grow"></span><button class="primary" onClick=${close}>Close</button></div>
  <//>`;
}
