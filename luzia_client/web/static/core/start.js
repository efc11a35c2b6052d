// The first requests of the page: a script of its own, so that they need not wait until all other scripts are loaded.

import { signIn } from "./api.js";
import { start } from "./live.js";
import { route } from "./router.js";

/** Sign in, list, and subscribe. Raises Refused. */
export async function open() {
  await signIn();
  await start(route.value.page === "jobs");
}

/** The first try. */
export const opening = open();
opening.catch(() => {}); // main.js tells what has failed, and tries again
