// The wallboard: takes the facts that netmon sends and says them in place. Whatever comes from the inventory or from a device is
// set as text and never as markup.

import { banners } from "./banners.js";
import { glyph, mark, say } from "./dom.js";
import { header } from "./header.js";
import { incidents } from "./incidents.js";
import { keys } from "./keys.js";
import { late } from "./late.js";
import { lists } from "./lists.js";
import { mapView } from "./map-view.js";
import { memory } from "./memory.js";
import { LIGHT } from "./screen.js";
import { speech } from "./speech.js";
import { parse, stream } from "./stream.js";
import { targets } from "./targets.js";
import { WORDS } from "./words.js";

const STREAM = "api/v1/stream";

// --- what is known, and how it is wanted ----------------------------------------------------------------------------

const asked = new URLSearchParams(location.search);
const wanted = (name, known) => [asked.get(name), memory.get(name)].find((value) => known.includes(value));
let language = wanted("lang", Object.keys(WORDS)) ?? "vi";
let view = wanted("view", ["wall", "desk"]) ?? "desk";
let facts = null;
let chosen = memory.get("province");

const get = (id) => document.getElementById(id);
const languages = document.querySelectorAll("[data-lang]");
const board = () => facts.provinces.find((province) => province.code === chosen) ?? facts.provinces[0];

// How every part of the page says things. What changes is asked for anew each time.
const page = {
  words: () => WORDS[language],
  language: () => language,
  facts: () => facts ?? {},
  now: () => following.now(),
  refresh: () => following.anew(),
  isLacking: () => troubles.isLacking(),
  subject,
  board, parse, glyph,
};
Object.assign(page, speech(page));

const following = stream(STREAM, { took, moved: () => above.show(), busy });
const above = banners(page, following);
const head = header(page, choose);
const rules = targets(page);
const map = mapView(page, (code) => { location.hash = `#/commune/${encodeURIComponent(code)}`; });
const troubles = lists(page, () => book);
page.emptiness = troubles.emptiness;
const book = incidents(page);
page.openIncident = book.open;
const detail = late(page);

// --- the whole, again and again -------------------------------------------------------------------------------------

// Which parts of the facts each part of the page reads: only where one of them is another is anything looked at.
const VIEWS = [
  [head.show, "communes", "devices", "on_battery", "provinces"],
  [above.showWindows, "storms", "maintenance", "communes"],
  [book.show, "incidents", "communes", "devices", "ready", "self_isolated"],
  [troubles.show, "incidents", "cut_off", "on_backup", "down", "on_battery", "dark", "communes", "devices", "ready", "self_isolated"],
  [rules.show, "targets", "communes"],
  [map.show, "communes", "links"],
];

function took(told, paths) {
  facts = told;
  show(paths && new Set(paths.map(partOf)));
}

function partOf(path) {
  const [top, n, part] = path.split("/");
  return top === "provinces" && facts.provinces[n] === board() ? part : top;
}

function show(parts = null) {
  showChoices();
  head.tick();
  above.show();
  if (!facts) return;
  const wasLacking = troubles.isLacking();
  for (const [work, ...reads] of VIEWS) if (!parts || reads.some((part) => parts.has(part))) work();
  if (troubles.isLacking() !== wasLacking) rules.fit();
  if (!parts) detail.speak();
}

function tick() {
  following.watch();
  head.tick();
  above.show();
  detail.tick(Boolean(facts));
  if (!facts) return;
  above.showWindows();
  book.tick();
  troubles.tick();
}

function relayout() {
  if (!facts || get("facts").hidden) return;
  book.show();
  troubles.fit();
  rules.fit();
  map.show();
}

// --- what somebody chooses ------------------------------------------------------------------------------------------

function showChoices() {
  const words = page.words();
  const root = document.documentElement;
  root.lang = language;
  root.dataset.theme = themeNow();
  root.dataset.view = view;
  say(get("theme"), themeNow() === "dark" ? words.light : words.dark);
  say(get("view"), view === "wall" ? words.desk : words.wall);
  say(get("search"), words.search);
  say(get("keys"), words.help.title);
  say(get("print"), words.print);
  for (const button of languages) mark(button, "aria-pressed", String(button.dataset.lang === language));
  say(get("version"), facts ? `netmon ${facts.version}` : "netmon");
}

function themeNow() {
  return memory.get("theme") ?? (LIGHT.matches ? "light" : "dark");
}

function choose(code) {
  chosen = code;
  memory.set("province", code);
  show();
}

// What the address asked for holds until something else is chosen.
function forget(name) {
  asked.delete(name);
  const query = asked.size ? `?${asked}` : "";
  history.replaceState(null, "", location.pathname + query + location.hash);
}

function speak(code) {
  language = code;
  memory.set("lang", code);
  forget("lang");
  show();
}

function turnTheme() {
  memory.set("theme", themeNow() === "dark" ? "light" : "dark");
  show();
}

function turnView() {
  view = view === "wall" ? "desk" : "wall";
  memory.set("view", view);
  forget("view");
  show();
}

// --- the board, or the page of one thing ----------------------------------------------------------------------------

let left = null; // where the board was left for a page

// #/commune/CODE, #/device/ID, #/site/ID; anything else is the board itself.
function routeOf(hash) {
  const [, kind, id] = hash.match(/^#\/(commune|device|site)\/(.+)$/u) ?? [];
  if (!kind) return null;
  try {
    return { kind, id: decodeURIComponent(id) };
  } catch {
    return null; // a half escape that somebody typed
  }
}

function showRoute() {
  const route = routeOf(location.hash);
  const turned = get("page").hidden === Boolean(route);
  if (route && turned) left = document.activeElement;
  get("facts").hidden = Boolean(route);
  get("page").hidden = !route;
  detail.show(route);
  head.tick();
  if (!turned) return;
  map.closeTip();
  if (route) get("page").focus({ preventScroll: true });
  else if (left?.isConnected) left.focus();
}

// What a page is of, once it is there; nothing while the board is shown.
function subject() {
  return get("page").hidden ? "" : (get("page").querySelector("h2")?.textContent ?? routeOf(location.hash)?.id ?? "");
}

// Whether somebody has written into a dialog, which a new page would lose.
function busy() {
  return [...document.querySelectorAll("dialog[open] :is(input, textarea)")].some(({ value }) => value.trim());
}

function home() {
  if (routeOf(location.hash)) {
    history.pushState(null, "", `${location.pathname}${location.search}#/`);
    showRoute();
  }
}

function back() {
  if (map.isOpen()) map.closeTip();
  else home();
}

// --- paper ----------------------------------------------------------------------------------------------------------

addEventListener("beforeprint", () => facts && [book, troubles, rules].forEach((part) => part.unfold()));
addEventListener("afterprint", relayout);

const help = keys(page, {
  "/": () => detail.find(),
  Escape: back,
  t: turnTheme,
  w: turnView,
  p: () => print(),
  l: () => speak(Object.keys(WORDS).find((code) => code !== language)),
}, home);

for (const button of languages) button.addEventListener("click", () => speak(button.dataset.lang));
get("search").addEventListener("click", () => detail.find());
get("theme").addEventListener("click", turnTheme);
get("view").addEventListener("click", turnView);
get("print").addEventListener("click", () => print());
get("keys").addEventListener("click", help.show);
LIGHT.addEventListener("change", () => show());
addEventListener("hashchange", showRoute);
new ResizeObserver(relayout).observe(get("facts"));
new ResizeObserver(() => facts && map.show()).observe(get("map"));
show();
showRoute();
setInterval(tick, 1_000);
