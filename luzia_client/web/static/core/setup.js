// The projects and agents that are configured, for forms and filters.

import { signal } from "../vendor/preact.js";
import { call } from "./api.js";

export const projects = signal([]);
export const agents = signal([]);

export async function loadSetup() {
  const [known, installed] = await Promise.all([call("projects"), call("agents", { versions: false })]);
  projects.value = known.projects;
  agents.value = installed.agents;
}
