// Loads the page again when a part of it has not arrived, as when the network changes while it is loaded.
// A classic script, and the first: it has to hear of the others.

{
  const KEY = "luzia.reloads";
  const MOST = 5;
  const FIRST_MS = 500;
  const isPart = (target) => target instanceof HTMLScriptElement || (target instanceof HTMLLinkElement && target.rel === "stylesheet");
  let failed = false;

  addEventListener("error", ({ target }) => {
    if (failed || !isPart(target)) return;
    failed = true;
    const reloads = Number(sessionStorage.getItem(KEY));
    if (reloads < MOST) {
      sessionStorage.setItem(KEY, reloads + 1);
      setTimeout(() => location.reload(), FIRST_MS * 2 ** reloads);
      return;
    }
    sessionStorage.removeItem(KEY);
    const tell = () => { document.getElementById("app").textContent = `The page did not load completely: ${target.src || target.href}. Reload it.`; };
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", tell);
    else tell();
  }, { capture: true });

  addEventListener("load", () => { if (!failed) sessionStorage.removeItem(KEY); });
}
