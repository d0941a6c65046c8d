// The pages of a commune, a site and a device, and the search: one is shown at a time, asks netmon for its facts when the
// wallboard's own facts of it change, and now and then besides.
//
// `context` is how the wallboard says things; see wallboard.js. A route is { kind: "commune" | "device" | "site", id }.

import { communePage } from "./commune.js";
import { devicePage } from "./device.js";
import { keyed, make, mark, say } from "./dom.js";
import { parts } from "./parts.js";
import { quantities } from "./quantity.js";
import { search } from "./search.js";
import { PAGE_WORDS } from "./words-pages.js";

const SOONEST_MS = 10_000; // between two questions, whatever changes
const AGAIN_MS = 30_000; // readings and slots come without a change on the wallboard
const OLDER_MS = 5_000; // ages are said anew
const SLOW_MS = 3_000;
const PATIENCE_MS = 20_000;

class MissingError extends Error {}

export function pages(context) {
  const section = document.getElementById("page");
  const own = () => PAGE_WORDS[context.language()];
  const page = { ...context, own, commune: communeOf, ask, again: () => view?.facts && showAll() };
  page.quantity = quantities(page);
  const kit = parts(page);
  const finder = search(page, document.getElementById("find"));

  const back = make("a", "back");
  const told = make("p", "told");
  mark(back, "href", "#/");
  mark(section, "role", "main"); // while it is shown the board is not
  const note = make("div", "note", make("p"), make("p"));
  const bar = make("div", "over", back, told);
  let view = null; // what is shown: { route, body, facts, failed, missing, asking, asked, seen, sought, code }

  // Of any province; undefined also before the wallboard's own facts have come.
  function communeOf(code) {
    return context.facts().provinces?.flatMap(({ communes }) => communes).find((unit) => unit.code === code);
  }

  async function ask(path, signal = null) {
    const controller = new AbortController();
    const patience = setTimeout(() => controller.abort(), PATIENCE_MS);
    const leave = () => controller.abort();
    signal?.addEventListener("abort", leave);
    try {
      const answer = await fetch(path, { cache: "no-store", signal: controller.signal });
      if (answer.status === 404) throw new MissingError(path);
      if (!answer.ok) throw new Error(`netmon answers ${answer.status}`);
      return context.parse(await answer.text());
    } finally {
      clearTimeout(patience);
      signal?.removeEventListener("abort", leave);
    }
  }

  // --- which page ---------------------------------------------------------------------------------------------------

  function show(route) {
    if (route?.kind === view?.route.kind && route?.id === view?.route.id) return;
    view?.leaving.abort();
    if (!route) {
      view = null;
      section.replaceChildren();
      return;
    }
    const body = route.kind === "device" ? devicePage(page, kit) : communePage(page, kit);
    body.root.hidden = true;
    view = {
      route, body, facts: null, failed: false, missing: false, asking: false, asked: -Infinity, seen: "",
      sought: route.kind !== "site", code: route.kind === "commune" ? route.id : null, leaving: new AbortController(),
    };
    section.replaceChildren(bar, note, body.root);
    section.scrollTop = 0;
    window.scrollTo(0, 0);
    section.focus({ preventScroll: true });
    refresh();
  }

  async function refresh() {
    const mine = view;
    const { route, leaving: { signal } } = mine;
    Object.assign(mine, { asking: true, asked: performance.now(), seen: concerns(mine) });
    showNote();
    try {
      const path = (kind, id) => `api/v1/${kind}/${encodeURIComponent(id)}`;
      if (route.kind === "site" && mine.code === null) mine.code = (await ask(path("sites", route.id), signal)).commune;
      const facts = await ask(route.kind === "device" ? path("devices", route.id) : path("communes", mine.code), signal);
      if (!mine.facts) mine.seen = concerns({ ...mine, facts });
      Object.assign(mine, { facts, failed: false, missing: false });
    } catch (error) {
      mine.missing = error instanceof MissingError;
      mine.failed = !mine.missing;
      if (mine.missing) mine.facts = null; // it was there, and is no more
      if (mine === view && mine.failed) console.warn(error);
    } finally {
      mine.asking = false;
    }
    if (mine === view) showAll();
  }

  // What the wallboard tells of a page's subject: when that is another, the page asks anew.
  function concerns({ route, facts, code }) {
    const { provinces = [], incidents = [] } = context.facts();
    const commune = facts?.commune ?? facts?.code ?? code;
    const here = provinces.find(({ communes }) => communes.some((unit) => unit.code === commune));
    const known = new Set((facts?.incidents ?? []).map(({ id }) => id));
    const touches = ({ id, root, impact }) =>
      known.has(id) || root.commune === commune || impact.isolated.includes(commune) || impact.on_backup.includes(commune);
    return JSON.stringify([
      here?.communes.find((unit) => unit.code === commune),
      here?.links?.filter(({ a, b }) => a === commune || b === commune),
      here?.dark?.rows.filter((row) => row.commune === commune),
      here?.down?.rows.filter(({ device }) => device?.device === route.id),
      incidents.filter(touches).map(({ members, links, ...incident }) => [incident, members?.length]),
    ]);
  }

  // Once a second: instants grow old, and what is due is asked for.
  function tick() {
    if (!view) return;
    const waited = performance.now() - view.asked;
    const isDue = () => view.failed || waited >= AGAIN_MS || concerns(view) !== view.seen;
    if (view.asking) {
      showNote();
    } else if (!document.hidden && waited >= SOONEST_MS && isDue()) {
      refresh();
    } else if (view.facts && performance.now() - view.shown >= OLDER_MS) {
      showAll();
    }
  }

  // --- what is said -------------------------------------------------------------------------------------------------

  function showAll() {
    const { body, facts } = view;
    showNote();
    body.root.hidden = !facts;
    if (!facts) return;
    const { activeElement: focused } = document;
    const { scrollTop } = section;
    body.fill(facts);
    view.shown = performance.now();
    if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
    if (section.scrollTop !== scrollTop) section.scrollTop = scrollTop;
    if (!view.sought) {
      view.sought = true;
      body.seek(view.route.id);
    }
  }

  function showNote() {
    const words = own();
    const { route, facts, failed, missing, asking, asked } = view;
    mark(section, "aria-busy", String(asking && !facts));
    say(back, `← ${words.back}`);
    const at = facts ? context.clock(facts.time, true) : "";
    const stale = Boolean(facts) && failed;
    mark(told, "aria-live", stale ? "polite" : "off");
    say(told, facts ? (stale ? words.stale(at) : words.told(at)) : "");
    section.classList.toggle("stale", stale);
    note.hidden = Boolean(facts);
    const slow = performance.now() - asked > SLOW_MS;
    const waiting = slow ? words.slow : words.loading;
    say(note.firstChild, missing ? words.missing[route.kind](route.id) : failed ? words.failed : waiting);
    say(note.lastChild, missing ? words.hint : "");
  }

  // On paper whole lists stand.
  addEventListener("beforeprint", () => {
    for (const more of section.querySelectorAll("button.more")) more.click();
  });

  function speak() {
    finder.speak();
    if (view) showAll();
  }

  return { show, tick, speak, find: finder.open };
}
