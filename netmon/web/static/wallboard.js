// The wallboard: asks netmon for the facts every few seconds and says them in place. Whatever comes from the inventory or
// from a device is set as text and never as markup.

import { glyph, keyed, make, makeSvg, mark, say } from "./dom.js";
import { incidents } from "./incidents.js";
import { nameplates, outline, project, shapeOf } from "./map.js";
import { WORDS } from "./words.js";

const ASK_EVERY_MS = 5_000;
const PATIENCE_MS = 8_000;
const STALE_AFTER_MS = 15_000;
const ZONE = "Asia/Ho_Chi_Minh";
const STATES = ["up", "on_backup", "isolated", "unreachable", "unknown"];
const STANDINGS = ["met", "at_risk", "missed", "unproven", "exempt"];
const WORST_LAST = ["none", "up", "unknown", "on_backup", "unreachable", "isolated"];
const LOUD = new Set(["on_backup", "isolated", "unreachable"]);
const CUT_OFF = ["isolated", "unreachable"];
const EXPLAINS_NO_STATE = ["influx"]; // of netmon's peers; that one is away is told last
const UNSEEN_ORDER = /\p{Bidi_Control}/gu; // a name with these could make what stands beside it read otherwise
const LOUD_NAMES_AT_MOST = 16; // beyond that a name stands only where there is room for it
const GIVES_WAY = { cut_off: 1, on_backup: 2, on_battery: 2, down: 3 }; // what a row counts for when there are too many
const WALL = window.matchMedia("(min-width: 1000px) and (min-height: 560px)");
const LIGHT = window.matchMedia("(prefers-color-scheme: light)");

// --- what is known --------------------------------------------------------------------------------------------------

const memory = {
  get: (key) => { try { return localStorage.getItem(`netmon.${key}`); } catch { return null; } },
  set: (key, value) => { try { localStorage.setItem(`netmon.${key}`, value); } catch { /* a private window forgets */ } },
};

const asked = new URLSearchParams(location.search).get("lang");
let language = [asked, memory.get("lang")].find((code) => Object.hasOwn(WORDS, code)) ?? "vi";
let words = WORDS[language];
let facts = null;
let chosen = memory.get("province");
let answered = null; // when, on the page's own clock, which no one sets
let shown = null; // of which answer all is on the page
let failed = false;
let opened = null; // the commune whose facts are shown
let spots = new Map();
let namesakes = new Set(); // short names that several communes of the province have

const get = (id) => document.getElementById(id);
const languages = document.querySelectorAll("[data-lang]");
const board = () => facts.provinces.find((province) => province.code === chosen) ?? facts.provinces[0];
const now = () => (facts ? facts.time + (performance.now() - answered) / 1000 : Date.now() / 1000);
const isStale = () => (shown === null ? failed : performance.now() - shown > STALE_AFTER_MS);

// --- how things are said --------------------------------------------------------------------------------------------

function clock(unix, withSeconds = false) {
  const options = { timeZone: ZONE, hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  if (withSeconds) options.second = "2-digit";
  return new Intl.DateTimeFormat("en-GB", options).format(unix * 1000);
}

function day(unix, options = { day: "2-digit", month: "2-digit" }) {
  return new Intl.DateTimeFormat(words.locale, { timeZone: ZONE, ...options }).format(unix * 1000);
}

function moment(unix) {
  return day(unix) === day(now()) ? clock(unix) : `${clock(unix)} ${day(unix)}`;
}

function lasting(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return words.lasting.soon;
  if (minutes < 60) return words.lasting.minutes(minutes);
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return words.lasting.hours(hours, String(minutes % 60).padStart(2, "0"));
  return words.lasting.days(Math.floor(hours / 24), hours % 24);
}

// With as many digits as it takes to tell it from what it is held against: 99,496 % is no 99,5 %.
function percent(ratio, against = ratio) {
  const text = (value, digits) => new Intl.NumberFormat(words.locale, { maximumFractionDigits: digits }).format(100 * value);
  let digits = 2;
  while (digits < 8 && ratio !== against && text(ratio, digits) === text(against, digits)) digits += 1;
  return `${text(ratio, digits)}\u00a0%`;
}

function commune(code) {
  return board().communes.find((unit) => unit.code === code);
}

function findNamesakes() {
  const seen = new Set();
  namesakes = new Set();
  for (const unit of board().communes) {
    const name = words.short(unit[words.name]);
    (seen.has(name) ? namesakes : seen).add(name);
  }
}

// Without diacritics and kind Lộc Thạnh and Lộc Thành are both "Loc Thanh": the code tells them apart.
function unitName(unit) {
  return words.short(unit[words.name]) + codeOf(unit);
}

function fullName(unit) {
  return unit[words.name] + codeOf(unit);
}

function codeOf(unit) {
  return namesakes.has(words.short(unit[words.name])) ? ` (${unit.code})` : "";
}

// A site is known by its commune, but for what serves the whole province.
function placeName(place) {
  const unit = commune(place.commune);
  return unit && place.kind !== "provincial_centre" ? unitName(unit) : place.name;
}

function siteName(place) {
  return place.kind === "peoples_committee" || placeName(place) === place.name ? "" : place.name;
}

function linkNames(links) {
  const named = ({ kind, operator, circuit }) => [words.link[kind] ?? kind, operator.toUpperCase(), circuit];
  return links.map((link) => named(link).filter(Boolean).join(" ")).join("; ");
}

// --- header ---------------------------------------------------------------------------------------------------------

function showHeader() {
  const { communes, devices, on_battery: battery, ...province } = board();
  say(get("province"), province[words.name]);
  const alarms = facts.provinces.reduce((sum, { communes: units }) => sum + countCutOff(units), 0);
  document.title = `${alarms ? `(${alarms}) ` : ""}${words.shortProvince(province[words.name])} · netmon`;
  const counted = (state) => count(communes, state);
  const without = counted("none");
  say(get("subtitle"), without ? `${words.subtitle} · ${words.without(without)}` : words.subtitle);
  const total = Object.values(devices).reduce((sum, count) => sum + count, 0);
  const tiles = STATES.map((state) => ({ key: state, state, value: counted(state) }));
  tiles.push({ key: "battery", state: "battery", value: battery.total });
  tiles.push({ key: "devices", state: "", value: devices.up + devices.suspect, of: total });
  keyed(get("tiles"), tiles, (tile) => tile.key, makeTile, fillTile);
  const several = facts.provinces.length > 1;
  get("provinces").hidden = !several;
  mark(get("provinces"), "aria-label", words.provinces);
  keyed(get("provinces"), several ? facts.provinces : [], (unit) => unit.code, makeChoice, (node, unit) => {
    fillChoice(node, unit);
    mark(node, "aria-pressed", String(unit.code === province.code));
  });
}

function count(communes, state) {
  return communes.filter((unit) => unit.state === state).length;
}

function countCutOff(communes) {
  return CUT_OFF.reduce((sum, state) => sum + count(communes, state), 0);
}

function makeTile(tile) {
  const value = make("span", "value");
  const head = make("span", "head", value);
  if (tile.state) head.prepend(glyph(tile.state));
  if ("of" in tile) head.append(make("span", "of"));
  return make("li", `tile ${tile.key}`, head, make("span", "label"));
}

function fillTile(node, tile) {
  node.classList.toggle("zero", !tile.value);
  say(node.querySelector(".value"), String(tile.value));
  if ("of" in tile) say(node.querySelector(".of"), `/${tile.of}`);
  say(node.querySelector(".label"), words.tile[tile.key]);
}

function makeChoice(unit) {
  const button = make("button", "", make("span"), ...CUT_OFF.map(glyph), make("span", "count"));
  button.type = "button";
  button.addEventListener("click", () => {
    chosen = unit.code;
    memory.set("province", chosen);
    show();
  });
  return button;
}

// A province that nobody looks at still says how many of its communes are cut off.
function fillChoice(button, unit) {
  const [name, isolated, unreachable, number] = button.children;
  const total = countCutOff(unit.communes);
  const worst = count(unit.communes, "isolated") ? isolated : unreachable;
  say(name, unit[words.name]);
  for (const symbol of [isolated, unreachable]) symbol.toggleAttribute("hidden", !total || symbol !== worst);
  say(number, String(total));
  number.hidden = !total;
  button.title = total ? `${words.list.cut_off}: ${total}` : "";
}

function showClock() {
  say(get("clock"), clock(now(), true));
  say(get("date"), day(now(), { weekday: "long", day: "2-digit", month: "2-digit", year: "numeric" }));
}

function showBanners() {
  const banners = [];
  if (isStale()) banners.push({ key: "stale", text: facts ? words.stale(clock(facts.time, true)) : words.never });
  else if (!facts) banners.push({ key: "starting", text: words.loading });
  if (facts?.self_isolated) banners.push({ key: "alone", text: words.alone(moment(facts.self_isolated_since)) });
  const lost = (facts?.lost ?? []).map((name) => ({ key: "lost", name, text: words.away[name] ?? words.awayOther(name) }));
  banners.push(...lost.filter(({ name }) => !EXPLAINS_NO_STATE.includes(name)));
  if (facts && !facts.ready) banners.push({ key: "starting", text: words.starting });
  banners.push(...lost.filter(({ name }) => EXPLAINS_NO_STATE.includes(name)));
  const create = (banner) => make("p", `banner ${banner.key}`);
  keyed(get("banners"), banners, ({ key, name }) => `${key} ${name ?? ""}`, create, (node, { text }) => say(node, text));
  document.body.classList.toggle("stale", isStale());
}

// Storms and works, which are no alarm: nothing here interrupts who listens to the page.
function showWindows() {
  const { storms = [], maintenance = [] } = facts ?? {};
  const lines = storms.map((storm) => ({ key: storm.id, kind: `storm level-${storm.level} ${storm.phase}`, text: stormText(storm) }));
  const works = maintenance.map(({ name, exercise, until, overrun }) => {
    const late = overrun ? words.overrun(lasting(now() - until)) : words.storm.left(lasting(until - now()));
    return `${exercise ? `${words.exercise} ` : ""}${name} (${late})`;
  });
  const overrun = maintenance.some((each) => each.overrun) ? "overrun" : "";
  if (works.length) lines.push({ key: "works", kind: `works ${overrun}`, text: words.works(works.join(" · ")) });
  keyed(get("windows"), lines, ({ key }) => key, () => make("p"), (node, { kind, text }) => {
    mark(node, "class", `window ${kind}`);
    say(node, text);
  });
}

function stormText({ name, exercise, level, phase, start, until }) {
  const left = { prepare: () => words.storm.starts(lasting(start - now())), impact: () => words.storm.left(lasting(until - now())) };
  const parts = [name, words.storm.level(level), words.storm.phase[phase], left[phase]?.()];
  return `${exercise ? `${words.exercise} ` : ""}${parts.filter(Boolean).join(" · ")}`;
}

// --- map ------------------------------------------------------------------------------------------------------------

function showMap() {
  const svg = get("chart");
  const { communes } = board();
  const { clientWidth: width, clientHeight: height } = svg;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  say(get("map-title"), words.map);
  mark(svg, "aria-label", words.map);
  if (!communes.length || !width || !height) {
    get("dots").replaceChildren();
    return;
  }
  mark(svg, "viewBox", `0 0 ${width} ${height}`);
  const calm = Math.max(0.26, Math.min(0.5, 3.6 / Math.sqrt(communes.length))) * rem;
  const loud = Math.max(calm, 0.38 * rem);
  const sizes = { isolated: 1.9 * loud, unreachable: 1.6 * loud, on_backup: 1.6 * loud, none: 0.5 * calm };
  const radius = (state) => sizes[state] ?? calm;
  const inset = { width: 9 * rem, line: 2.2 * rem };
  const margin = { x: (WALL.matches ? 5 : 1.6) * rem, y: 1.6 * rem };
  spots = project(communes, width, height, { margin, gap: 2.2 * calm, inset });
  const ordered = [...communes].sort((one, other) => WORST_LAST.indexOf(one.state) - WORST_LAST.indexOf(other.state));
  const names = namesFor(ordered, radius, rem, width, height);
  const far = [...spots.values()].filter((spot) => spot.remote);
  const frame = far.length ? `M${width - inset.width} ${height}V${far[0].y - inset.line}H${width}` : "";
  mark(get("inset"), "d", frame);
  keyed(get("dots"), ordered, (unit) => unit.code, makeDot, (node, unit) => {
    fillDot(node, unit, radius(unit.state), names.get(unit.code), rem);
  });
}

function namesFor(ordered, radius, rem, width, height) {
  const pen = (namesFor.pen ??= document.createElement("canvas").getContext("2d"));
  const family = getComputedStyle(document.body).fontFamily;
  const loudSize = WALL.matches ? 1.45 : 1.05; // as in the style sheet
  const wanted = [...ordered].reverse().map((unit, n) => {
    const spot = spots.get(unit.code);
    const loud = LOUD.has(unit.state);
    const size = (loud ? loudSize : 0.82) * rem;
    pen.font = `${loud ? 700 : 400} ${size}px ${family}`;
    const text = unitName(unit);
    const must = spot.remote || (loud && n < LOUD_NAMES_AT_MOST);
    const extent = { r: radius(unit.state), width: pen.measureText(text).width, height: size * 1.1 };
    return { code: unit.code, x: spot.x, y: spot.y, ...extent, must, calm: !loud };
  });
  const bolts = ordered.filter((unit) => unit.on_battery).map((unit) => {
    const spot = spots.get(unit.code);
    const { x, y, r } = boltOf(radius(unit.state), rem);
    return { x: spot.x + x, y: spot.y + y, r: 1.3 * r };
  });
  return nameplates(wanted, [...wanted, ...bolts], width, height);
}

// The bolt of a commune on battery stands at the upper right of its mark.
function boltOf(r, rem) {
  return { x: 0.8 * r, y: -0.8 * r - 0.2 * rem, r: 0.5 * rem };
}

function makeDot(unit) {
  const marks = [makeSvg("path", "mark"), makeSvg("path", "mark")];
  const group = makeSvg("g", "commune", makeSvg("circle", "reach"), ...marks, makeSvg("text", "name"));
  group.setAttribute("tabindex", "0");
  group.setAttribute("role", "img");
  group.dataset.code = unit.code;
  for (const event of ["pointerenter", "focus", "click"]) group.addEventListener(event, () => openTip(unit.code));
  for (const event of ["pointerleave", "blur"]) group.addEventListener(event, () => closeTip(unit.code));
  return group;
}

function fillDot(group, unit, r, name, rem) {
  const spot = spots.get(unit.code);
  const [reach, path, bolt, text] = group.children;
  mark(group, "class", `commune ${unit.state}${LOUD.has(unit.state) ? " loud" : ""}`);
  mark(group, "transform", `translate(${spot.x.toFixed(1)} ${spot.y.toFixed(1)})`);
  const said = tipLines(unit).map(([label, value]) => `${label} ${value}`.trim());
  mark(group, "aria-label", `${fullName(unit)}: ${said.join("; ")}`);
  mark(reach, "r", String(Math.max(0.75 * rem, 1.3 * r).toFixed(1)));
  mark(path, "class", `mark ${shapeOf(unit.state)} ${unit.state}`);
  mark(path, "d", outline(shapeOf(unit.state), r));
  const aside = boltOf(r, rem);
  mark(bolt, "class", `mark bolt battery${unit.battery_last_known ? " past" : ""}`);
  mark(bolt, "d", unit.on_battery ? outline("bolt", aside.r) : "");
  mark(bolt, "transform", `translate(${aside.x.toFixed(1)} ${aside.y.toFixed(1)})`);
  say(text, name ? unitName(unit) : "");
  if (!name) return;
  mark(text, "x", (name.x - spot.x).toFixed(1));
  mark(text, "y", (name.y - spot.y).toFixed(1));
  mark(text, "text-anchor", name.anchor);
}

function tipLines(unit) {
  const { total, down, unknown } = unit.devices;
  const state = words.state[unit.state] + (unit.since ? ` ${words.since(moment(unit.since))}` : "");
  const amiss = [down && words.someDown(down, total), unknown && words.unsure(unknown)].filter(Boolean).join(", ");
  const lines = [["", state], [words.devices, total ? amiss || words.allUp(total) : words.noDevices]];
  const past = unit.battery_last_known ? ` (${words.lastKnown})` : "";
  if (unit.on_battery) lines.push([words.power, words.list.on_battery + past]);
  if (unit.out_of_scope) lines.push([words.excluded, unit.out_of_scope]);
  else if (unit.verdict) lines.push([words.target, words.standing[unit.verdict]]);
  return lines;
}

function openTip(code) {
  opened = code;
  showTip();
}

function closeTip(code) {
  if (opened === code) opened = null;
  showTip();
}

function showTip() {
  const tip = get("tip");
  const unit = opened && facts ? commune(opened) : null;
  tip.hidden = !unit;
  if (!unit) return;
  const lines = [["", fullName(unit)], ...tipLines(unit)].map(([label, value], n) => ({ n, label, value }));
  const create = () => make("p", "", make("span", "label"), make("span"));
  keyed(tip, lines, ({ n }) => n, create, (node, { label, value }) => {
    say(node.firstChild, label);
    say(node.lastChild, value);
  });
  const spot = spots.get(opened);
  const { clientWidth: width, clientHeight: height } = get("map");
  const aside = spot.x + 16 + tip.offsetWidth > width ? spot.x - 16 - tip.offsetWidth : spot.x + 16;
  tip.style.left = `${Math.max(0, aside)}px`;
  tip.style.top = `${Math.max(0, Math.min(spot.y - 12, height - tip.offsetHeight))}px`;
}

// --- lists ----------------------------------------------------------------------------------------------------------

const LISTS = {
  cut_off(row) {
    if (row.state === "isolated") return siteRow(row, "isolated", lostLinks(row));
    const cause = row.cause ? words.because(`${row.cause.device}, ${row.cause.name}`) : words.upstream;
    if (row.count === 1) return siteRow(row, "unreachable", cause);
    const named = row.sites.map(placeName).join(", ") + (row.count > row.sites.length ? "…" : "");
    const key = `behind ${row.cause?.device}`;
    return { key, state: "unreachable", title: words.sites(row.count), parts: [cause, named] };
  },
  on_backup: (row) => siteRow(row, "on_backup", lostLinks(row)),
  down(row) {
    if (!row.device) return { key: "", state: "down", title: words.orphans(row.count), parts: [words.rechecking] };
    const { device } = row.device;
    const what = row.behind ? words.goneWith(device, row.behind) : words.gone(device);
    const parts = [what, siteName(row.device)];
    return { key: device, state: "down", title: placeName(row.device), parts, hint: row.detail };
  },
  on_battery: (row) => siteRow(row, "battery", row.last_known ? `${words.mains} (${words.lastKnown})` : words.mains),
};

const OF_COMMUNES = new Set(["cut_off", "on_backup"]);

function siteRow(row, state, cause) {
  const [place] = row.sites;
  return { key: place.site, state, title: placeName(place), parts: [siteName(place), cause] };
}

function lostLinks({ links }) {
  return links.length ? words.lost(linkNames(links)) : "";
}

function showLists() {
  keyed(get("lists"), Object.keys(LISTS), (kind) => kind, makeList, (section, kind) => {
    const { total, rows } = board()[kind];
    const [head, list, more] = section.children;
    section.classList.toggle("empty", !total);
    say(head.children[0], words.list[kind]);
    say(head.children[1], total ? String(total) : emptiness(kind));
    const shown = rows.map((row) => ({ ...LISTS[kind](row), since: row.since, count: row.count }));
    keyed(list, shown, (row) => row.key, makeRow, fillRow);
    more.dataset.total = total;
  });
  fit();
}

// "None" is said only where everything is known.
function emptiness(kind) {
  if (facts.self_isolated || !facts.ready) return words.state.unknown;
  const { communes, devices } = board();
  const unknown = OF_COMMUNES.has(kind) ? count(communes, "unknown") : devices.unknown;
  return unknown ? words.unsure(unknown) : words.nothing;
}

function makeList(kind) {
  const heading = make("h3", "", make("span", "title"), make("span", "count"));
  const section = make("section", `list ${kind}`, heading, make("ul"), make("p", "more"));
  heading.id = `list-${kind}`;
  section.setAttribute("aria-labelledby", heading.id);
  return section;
}

function makeRow(row) {
  const head = make("span", "head", make("span", "title"), make("span", "lasting"));
  const tail = make("span", "tail", make("span", "cause"), make("span", "since"));
  return make("li", `row ${row.state}`, make("span", "badge", glyph(row.state)), make("span", "text", head, tail));
}

function fillRow(node, row) {
  mark(node, "class", `row ${row.state}`);
  say(node.querySelector(".title"), row.title);
  say(node.querySelector(".cause"), row.parts.filter(Boolean).join(" · "));
  say(node.querySelector(".since"), row.since ? words.since(moment(row.since)) : "");
  say(node.querySelector(".lasting"), row.since ? lasting(now() - row.since) : "");
  node.dataset.since = row.since ?? "";
  node.dataset.count = row.count;
  node.title = row.hint ?? "";
}

// On a wall nobody scrolls: what does not fit is counted. The longest list gives way first,
// that of the communes that are cut off last.
function fit() {
  const lists = get("lists");
  const sections = [...lists.children].map((section) => ({ section, rows: [...section.querySelectorAll(".row")] }));
  for (const { rows } of sections) for (const row of rows) row.hidden = false;
  for (const { section, rows } of sections) countHidden(section, rows, rows.length);
  if (!WALL.matches) return;
  const visible = sections.map(({ rows }) => rows.length);
  const weights = sections.map(({ section }) => GIVES_WAY[section.dataset.key]);
  while (lists.scrollHeight > lists.clientHeight + 1) {
    const burden = visible.map((rows, n) => (rows > 1 ? rows * weights[n] : 0));
    const longest = burden.indexOf(Math.max(...burden));
    if (!burden[longest]) {
      if (incidentBook.giveWay()) continue;
      return;
    }
    visible[longest] -= 1;
    const { section, rows } = sections[longest];
    rows[visible[longest]].hidden = true;
    countHidden(section, rows, visible[longest]);
  }
}

function countHidden(section, rows, visible) {
  const more = section.querySelector(".more");
  const shown = rows.slice(0, visible).reduce((sum, row) => sum + Number(row.dataset.count), 0);
  const left = Number(more.dataset.total) - shown;
  more.hidden = left <= 0;
  say(more, left > 0 ? words.more(left) : "");
}

// --- targets --------------------------------------------------------------------------------------------------------

function showTargets() {
  const { targets } = board();
  say(get("targets-title"), words.targets);
  const cards = targets.filter((target) => target.level === "commune");
  get("targets").hidden = !cards.length;
  keyed(get("cards"), cards, (target) => target.id, makeCard, (card, target) => {
    const [title, bar, legend, named, shares] = card.children;
    say(title, target[`title_${language}`]);
    const said = STANDINGS.map((standing) => ({ standing, count: target.counts[standing] })).filter(({ count }) => count);
    const piece = (tag, name) => ({ standing }) => make(tag, `${name} ${standing}`);
    keyed(bar, said, ({ standing }) => standing, piece("span", "part"), (part, { count }) => {
      say(part, String(count));
      part.style.flexGrow = count;
    });
    keyed(legend, said, ({ standing }) => standing, piece("li", "key"), (key, { standing }) => {
      say(key, words.standing[standing]);
    });
    say(named, said.length ? namedCommunes(target) : words.pending);
    const over = targets.filter((share) => share.of === target.id);
    keyed(shares, over, (share) => share.id, makeShare, fillShare);
  });
}

function makeCard() {
  const parts = [make("h3"), make("div", "bar"), make("ul", "keys"), make("p", "named"), make("div", "shares")];
  return make("article", "card", ...parts);
}

function makeShare() {
  return make("p", "share", make("span"), make("b"), make("span"));
}

function fillShare(node, share) {
  const [label, verdict, value] = node.children;
  node.title = share[`title_${language}`];
  say(label, `${words.province(board().kind)}: `);
  mark(verdict, "class", share.standing ?? "");
  const judged = share.standing ? words.standing[share.standing] : words.pending;
  const ratio = share.value === null ? "" : percent(share.value, share.limit);
  const some = ratio && share.standing === "unproven"; // "unproven 0 %" would read as 0 % achieved
  say(verdict, some ? words.proven(ratio) : judged);
  say(value, ratio && `${some ? "" : ` ${ratio}`} (${words.required(percent(share.limit))})`);
}

function namedCommunes(target) {
  const standing = ["missed", "at_risk"].find((worse) => target.counts[worse]);
  if (!standing) return "";
  const entries = target.worst.filter((entry) => entry.standing === standing);
  const names = entries.map(({ commune: code, value }) => {
    const unit = commune(code);
    const name = unit ? unitName(unit) : code;
    return value === null ? name : `${name} ${percent(value, target.limit)}`;
  });
  const left = target.counts[standing] - names.length;
  return `${words.standing[standing]}: ${names.join(" · ")}${left > 0 ? ` ${words.moreUnits(left)}` : ""}`;
}

// --- the whole, again and again -------------------------------------------------------------------------------------

function showChoices() {
  document.documentElement.lang = language;
  const theme = memory.get("theme") ?? (LIGHT.matches ? "light" : "dark");
  document.documentElement.dataset.theme = theme;
  say(get("theme"), theme === "dark" ? words.light : words.dark);
  for (const button of languages) mark(button, "aria-pressed", String(button.dataset.lang === language));
  say(get("version"), facts ? `netmon ${facts.version}` : "netmon");
}

function show() {
  showChoices();
  showClock();
  showBanners();
  showWindows();
  if (!facts) return;
  findNamesakes();
  showHeader();
  showTargets();
  incidentBook.show();
  showLists();
  showMap();
  showTip();
}

function tick() {
  showClock();
  showBanners();
  showWindows();
  for (const row of document.querySelectorAll(".row")) {
    if (row.dataset.since) say(row.querySelector(".lasting"), lasting(now() - Number(row.dataset.since)));
  }
}

function parse(text) {
  return JSON.parse(text, (key, value) => (typeof value === "string" ? value.replace(UNSEEN_ORDER, "") : value));
}

async function ask() {
  const answer = await fetch("api/v1/wallboard", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok) throw new Error(`netmon answers ${answer.status}`);
  const told = parse(await answer.text());
  if (facts && facts.version !== told.version) location.reload(); // a new netmon brings a new page
  facts = told;
  answered = performance.now();
}

async function refresh() {
  try {
    await ask();
    show();
    [shown, failed] = [answered, false];
  } catch (error) {
    failed = true;
    console.warn(error);
  }
  showBanners();
}

async function goOn() {
  await refresh();
  setTimeout(goOn, ASK_EVERY_MS);
}

const incidentBook = incidents({
  words: () => words,
  facts: () => facts ?? {},
  board, moment, lasting, now, commune, unitName, placeName, emptiness, parse, refresh,
});

function speak(code) {
  language = code;
  words = WORDS[code];
  memory.set("lang", code);
  if (asked) history.replaceState(null, "", location.pathname);
  show();
}

for (const button of languages) button.addEventListener("click", () => speak(button.dataset.lang));
get("theme").addEventListener("click", () => {
  memory.set("theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  show();
});
LIGHT.addEventListener("change", show);
document.addEventListener("keydown", (event) => event.key === "Escape" && opened && closeTip(opened));
new ResizeObserver(() => facts && (incidentBook.show(), showLists(), showMap(), showTip())).observe(get("facts"));
show();
setInterval(tick, 1_000);
goOn();
