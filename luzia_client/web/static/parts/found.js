// What a search finds in transcripts, messages, files and tasks, beside the list that it filters.

import { html, useEffect, useState } from "../vendor/preact.js";
import { call } from "../core/api.js";
import { age, plural } from "../core/format.js";
import { now } from "../core/live.js";
import { href } from "../core/router.js";

const PAUSE_MS = 300;
const LIMIT = 20;

const placeOf = (hit) => (hit.where === "transcript" ? `transcript of attempt ${hit.attempt}` : hit.where);

/** fields: those of the list's query, with `search`. */
export function Found({ fields }) {
  const [found, setFound] = useState(null);
  useEffect(() => {
    let current = true;
    setFound(null);
    const timer = setTimeout(async () => {
      const { search: words, projects = [], states = [], agents = [], tags = {}, since = null } = fields;
      try {
        const page = await call("search", { words, projects, states, agents, tags, since, limit: LIMIT });
        if (current) setFound(page);
      } catch (error) {
        if (!error.code) throw error;
        if (current) setFound({ hits: [], problem: error.message });
      }
    }, PAUSE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [fields]);
  if (!found) return null;
  const remarks = [
    found.next !== null && found.next !== undefined && `only the newest ${found.hits.length}`,
    found.pending > 0 && `${plural(found.pending, "job")} not indexed yet`, found.problem,
  ].filter(Boolean).join("; ");
  if (!found.hits.length && !remarks) return null;
  return html`<section class="found" aria-label="Found in texts" tabindex="0">
    <h2>Found in texts <span class="muted">${remarks}</span></h2>
    <ul>${found.hits.map((hit) => html`<li key=${hit.job}>
      <a href=${href("job", [hit.job])}>${hit.job}</a> <span class="muted">${hit.project.split("/").pop()} · ${hit.agent} · ${age(hit.created_at, now.value)} · ${placeOf(hit)}</span>
      <div>${hit.excerpt.map((piece) => (piece.found ? html`<mark>${piece.text}</mark>` : piece.text))}</div></li>`)}</ul>
  </section>`;
}
