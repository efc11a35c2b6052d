// The form that dispatches a job.

import { html, signal, useEffect, useRef, useState } from "../vendor/preact.js";
import { HERE, call, hosts } from "../core/api.js";
import { bytes } from "../core/format.js";
import { go } from "../core/router.js";
import { agents, loadSetup, projects } from "../core/setup.js";
import { Dialog, attempt, toast } from "./ui.js";

const MOST_FILE_BYTES = 256 * 1024;
const MOST_TASK_BYTES = 1024 * 1024;

const open = signal(null);
export const openDispatch = (fields = {}) => {
  open.value = fields;
};
export const DispatchDialog = () => (open.value ? html`<${Form} initial=${open.value} onClose=${() => { open.value = null; }} />` : null);

const remembered = () => localStorage.getItem("luzia.project") || "";

function Form({ initial, onClose }) {
  const [form, setForm] = useState({ host: initial.host || HERE, project: initial.project || remembered(), agent: "", model: "", task: initial.task || "", priority: "", retries: "", timeout: "", cost: "", tags: "", worktree: "", ask: "", hold: false });
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(null);
  const [dragged, setDragged] = useState(false);
  const area = useRef(null);
  useEffect(() => {
    attempt(loadSetup);
    area.current.focus();
  }, []);
  const set = (name) => (event) => setForm({ ...form, [name]: event.target.type === "checkbox" ? event.target.checked : event.target.value });
  const size = new TextEncoder().encode(form.task).length;

  const drop = async (event) => {
    event.preventDefault();
    setDragged(false);
    let added = "";
    for (const file of event.dataTransfer.files) {
      if (file.size > MOST_FILE_BYTES) {
        toast(`${file.name} is larger than ${bytes(MOST_FILE_BYTES)}`, { hint: "Put it into the project, and name it in the task.", tone: "bad" });
        continue;
      }
      const content = await file.text();
      if (content.includes("\0") || content.includes("\ufffd")) {
        toast(`${file.name} is not a text`, { hint: "Put it into the project, and name it in the task.", tone: "bad" });
        continue;
      }
      added += `\n\nFile ${file.name}:\n\`\`\`\n${content}\n\`\`\``;
    }
    if (added) setForm((old) => ({ ...old, task: old.task + added }));
  };

  const submit = async (event) => {
    event.preventDefault();
    const fields = { host: form.host, project: form.project.trim(), task: form.task };
    if (form.agent) fields.agent = form.agent;
    if (form.model.trim()) fields.model = form.model.trim();
    if (form.priority) fields.priority = Number(form.priority);
    if (form.retries) fields.retries = Number(form.retries);
    if (form.timeout) fields.timeout_s = Number(form.timeout) * 60;
    if (form.cost) fields.max_cost_usd = Number(form.cost);
    if (form.worktree) fields.worktree = form.worktree === "yes";
    if (form.ask) fields.ask = form.ask === "yes";
    if (form.hold) fields.hold = true;
    const tags = form.tags.split(/[\s,]+/).filter((each) => each.includes("="));
    if (tags.length) fields.tags = Object.fromEntries(tags.map((each) => each.split(/=(.*)/s).slice(0, 2)));
    setBusy(true);
    try {
      const { job } = await call("dispatch", fields);
      localStorage.setItem("luzia.project", fields.project);
      toast(`Dispatched ${job}`);
      onClose();
      go("job", [job]);
    } catch (error) {
      if (!error.code) throw error;
      setProblem(error);
      setBusy(false);
    }
  };
  const keys = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
  };

  return html`<${Dialog} label="Dispatch a job" onClose=${onClose} wide>
    <form class="form" onSubmit=${submit} onKeyDown=${keys}>
      <h2>Dispatch a job</h2>
      <div class="fields">
        <label>Project<input required list="known-projects" name="project" value=${form.project} onInput=${set("project")} placeholder="name or absolute path" /></label>
        <datalist id="known-projects">${projects.value.map((each) => html`<option value=${each.name}>${each.path}</option>`)}</datalist>
        ${Object.keys(hosts.value).length > 0 && html`<label>Host<select name="host" value=${form.host} onChange=${set("host")}>
          ${[HERE, ...Object.keys(hosts.value)].map((each) => html`<option value=${each}>${each}</option>`)}</select></label>`}
        <label>Agent<select name="agent" value=${form.agent} onChange=${set("agent")}>
          <option value="">the project's</option>
          ${agents.value.map((each) => html`<option value=${each.name} disabled=${!each.installed}>${each.name}${each.installed ? "" : " (not installed)"}</option>`)}
        </select></label>
        <label>Model<input name="model" value=${form.model} onInput=${set("model")} placeholder="the agent's" /></label>
      </div>
      <label>Task<textarea ref=${area} name="task" required rows="9" class=${dragged ? "dragged" : ""} value=${form.task} onInput=${set("task")}
        onDragOver=${(event) => { event.preventDefault(); setDragged(true); }} onDragLeave=${() => setDragged(false)} onDrop=${drop}
        placeholder="What the agent has to do. Text files can be dropped here."></textarea></label>
      <details><summary>Options</summary>
        <div class="fields">
          <label>Worktree<select name="worktree" value=${form.worktree} onChange=${set("worktree")}><option value="">the project's setting</option><option value="yes">its own</option><option value="no">none</option></select></label>
          <label>Questions<select name="ask" value=${form.ask} onChange=${set("ask")}><option value="">the project's setting</option><option value="yes">may ask</option><option value="no">may not ask</option></select></label>
          <label>Priority<input name="priority" type="number" min="-100" max="100" value=${form.priority} onInput=${set("priority")} /></label>
          <label>Retries<input name="retries" type="number" min="0" max="100" value=${form.retries} onInput=${set("retries")} /></label>
          <label>Time limit (min)<input name="timeout" type="number" min="0" step="any" value=${form.timeout} onInput=${set("timeout")} /></label>
          <label>Budget (USD)<input name="cost" type="number" min="0" step="any" value=${form.cost} onInput=${set("cost")} /></label>
          <label>Tags<input name="tags" value=${form.tags} onInput=${set("tags")} placeholder="name=value name=value" /></label>
          <label class="inline"><input name="hold" type="checkbox" checked=${form.hold} onChange=${set("hold")} /> hold it</label>
        </div>
      </details>
      ${problem && html`<p class="problem" role="alert">${problem.message}${problem.hint && html`<br /><span class="muted">${problem.hint}</span>`}</p>`}
      <div class="row end">
        <span class=${size > MOST_TASK_BYTES ? "problem" : "muted"}>${size > 4096 ? bytes(size) : "Ctrl+Enter dispatches"}</span>
        <span class="grow"></span>
        <button type="button" onClick=${onClose}>Close</button>
        <button class="primary" disabled=${busy || size > MOST_TASK_BYTES}>Dispatch</button>
      </div>
    </form>
  <//>`;
}
