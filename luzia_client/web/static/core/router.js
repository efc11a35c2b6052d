// The place in the page: a fragment such as #/jobs?states=failed or #/job/113754-a2f5/diff.

import { signal } from "../vendor/preact.js";

function parse() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [page = "inbox", ...rest] = path.split("/").map(decodeURIComponent);
  return { page: page || "inbox", rest, query: new URLSearchParams(query) };
}

export const route = signal(parse());
addEventListener("hashchange", () => {
  route.value = parse();
});

export function href(page, rest = [], query = {}) {
  const path = [page, ...rest].map(encodeURIComponent).join("/");
  const pairs = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return `#/${path}${pairs.length ? `?${new URLSearchParams(pairs)}` : ""}`;
}

export function go(page, rest, query) {
  location.hash = href(page, rest, query);
}

/** Change the place without an entry in the history, as typing into a filter does. */
export function replace(page, rest, query) {
  history.replaceState(null, "", href(page, rest, query));
  route.value = parse();
}
