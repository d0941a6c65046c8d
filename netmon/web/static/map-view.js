// The map: each commune a mark whose shape and colour are its state, links between communes beneath, names where there is
// room, and what is known of one of them beside it.

import { keyed, make, makeSvg, mark, say } from "./dom.js";
import { nameplates, nearest, outline, project, shapeOf } from "./map.js";
import { moveTo, settle } from "./rove.js";
import { WALL, remOf } from "./screen.js";

const WORST_LAST = ["none", "up", "unknown", "on_backup", "unreachable", "isolated"];
const CALM_LAST = ["down", "part", "unknown", "up"];
const LOUD = new Set(["on_backup", "isolated", "unreachable"]);
const LOUD_NAMES_AT_MOST = 16; // beyond that a name stands only where there is room for it
const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const get = (id) => document.getElementById(id);

// `visit` is called with the code of a commune whose page somebody wants.
export function mapView(page, visit) {
  let opened = null; // the commune whose facts are shown
  let spots = new Map();
  let placed = ""; // for which communes and size `spots` was worked out
  let names = new Map();
  let named = ""; // for which marks and size `names` was

  function show() {
    const svg = get("chart");
    const { communes, links = [] } = page.board();
    const { clientWidth: width, clientHeight: height } = svg;
    if (!communes.length) for (const id of ["dots", "lines"]) get(id).replaceChildren();
    if (!communes.length || !width || !height) return; // while it is hidden it has no size
    const rem = remOf();
    say(get("map-title"), page.words().map);
    say(get("map-hint"), page.words().mapHint);
    mark(svg, "viewBox", `0 0 ${width} ${height}`);
    svg.style.setProperty("--em", `${rem}px`);
    const calm = Math.max(0.26, Math.min(0.5, 3.6 / Math.sqrt(communes.length))) * rem;
    const loud = Math.max(calm, 0.38 * rem);
    const sizes = { isolated: 1.9 * loud, unreachable: 1.6 * loud, on_backup: 1.6 * loud, none: 0.5 * calm };
    const radius = (state) => sizes[state] ?? calm;
    place(communes, width, height, calm, rem);
    const ordered = [...communes].sort((one, other) => WORST_LAST.indexOf(one.state) - WORST_LAST.indexOf(other.state));
    const marks = ordered.map(({ code, state, on_battery: battery }) => [code, state, battery]);
    const crowd = JSON.stringify([placed, page.language(), document.documentElement.dataset.view, marks]);
    if (crowd !== named) names = namesFor(ordered, radius, rem, width, height);
    named = crowd;
    showLines(links);
    keyed(get("dots"), ordered, (unit) => unit.code, makeDot, (node, unit) => {
      fillDot(node, unit, radius(unit.state), names.get(unit.code), rem);
    });
    const dots = [...get("dots").children];
    settle(dots, dots.at(-1));
    showLegend(links);
    showTip();
  }

  // To work out where the marks stand costs most: it is done when there are other communes or another room for them.
  function place(communes, width, height, calm, rem) {
    const wanted = JSON.stringify([width, height, rem, communes.map(({ code, latitude, longitude }) => [code, latitude, longitude])]);
    if (wanted === placed) return;
    placed = wanted;
    const inset = { width: 9 * rem, line: 2.2 * rem };
    const margin = { x: (WALL.matches ? 5 : 1.6) * rem, y: 1.6 * rem };
    spots = project(communes, width, height, { margin, gap: 2.2 * calm, inset });
    const far = [...spots.values()].filter((spot) => spot.remote);
    mark(get("inset"), "d", far.length ? `M${width - inset.width} ${height}V${far[0].y - inset.line}H${width}` : "");
  }

  // --- links --------------------------------------------------------------------------------------------------------

  const stateOf = ({ state, down, total }) => (state === "down" && down < total ? "part" : state);

  // A link to an island in the inset would cross the whole map: the island's own mark says what there is to say.
  function showLines(links) {
    const drawn = links.filter(({ a, b }) => spots.has(a) && spots.has(b) && !spots.get(a).remote && !spots.get(b).remote);
    drawn.sort((one, other) => CALM_LAST.indexOf(stateOf(other)) - CALM_LAST.indexOf(stateOf(one)));
    keyed(get("lines"), drawn, ({ a, b }) => `${a} ${b}`, () => makeSvg("path", "line"), (node, link) => {
      const [from, to] = [spots.get(link.a), spots.get(link.b)];
      mark(node, "class", `line ${stateOf(link)}`);
      mark(node, "d", `M${from.x.toFixed(1)} ${from.y.toFixed(1)}L${to.x.toFixed(1)} ${to.y.toFixed(1)}`);
    });
  }

  // What the lines mean; what the marks mean stands beside the numbers above.
  function showLegend(links) {
    const shown = CALM_LAST.filter((state) => links.some((link) => stateOf(link) === state));
    keyed(get("legend"), shown, (state) => state, makeKey, (node, state) => say(node.lastChild, page.words().lines[state]));
  }

  function makeKey(state) {
    const path = makeSvg("path", `line ${state}`);
    path.setAttribute("d", "M-26 0H26");
    const svg = makeSvg("svg", "glyph", path);
    svg.setAttribute("viewBox", "-26 -13 52 26");
    return make("li", "", svg, make("span"));
  }

  // --- marks --------------------------------------------------------------------------------------------------------

  function namesFor(ordered, radius, rem, width, height) {
    const pen = (namesFor.pen ??= document.createElement("canvas").getContext("2d"));
    const style = getComputedStyle(get("chart"));
    const [calmSize, loudSize] = ["--calm-name", "--loud-name"].map((name) => parseFloat(style.getPropertyValue(name)));
    const wanted = [...ordered].reverse().map((unit, n) => {
      const spot = spots.get(unit.code);
      const loud = LOUD.has(unit.state);
      const size = (loud ? loudSize : calmSize) * rem;
      const font = `${loud ? 700 : 400} ${size}px ${style.fontFamily}`;
      if (pen.font !== font) pen.font = font;
      const must = spot.remote || (loud && n < LOUD_NAMES_AT_MOST);
      const extent = { r: radius(unit.state), width: pen.measureText(page.unitName(unit)).width, height: size * 1.1 };
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
    group.setAttribute("tabindex", "-1");
    group.setAttribute("role", "link");
    group.dataset.code = unit.code;
    for (const event of ["pointerenter", "focus"]) group.addEventListener(event, () => openTip(unit.code));
    for (const event of ["pointerleave", "blur"]) group.addEventListener(event, () => closeTip(unit.code));
    group.addEventListener("click", () => visit(unit.code));
    return group;
  }

  function fillDot(group, unit, r, name, rem) {
    const spot = spots.get(unit.code);
    const [reach, path, bolt, text] = group.children;
    mark(group, "class", `commune ${unit.state}${LOUD.has(unit.state) ? " loud" : ""}`);
    mark(group, "transform", `translate(${spot.x.toFixed(1)} ${spot.y.toFixed(1)})`);
    const said = tipLines(unit).map(([label, value]) => `${label} ${value}`.trim());
    mark(group, "aria-label", `${page.fullName(unit)}: ${said.join("; ")}`);
    mark(reach, "r", String(Math.max(0.75 * rem, 1.3 * r).toFixed(1)));
    mark(path, "class", `mark ${shapeOf(unit.state)} ${unit.state}`);
    mark(path, "d", outline(shapeOf(unit.state), r));
    const aside = boltOf(r, rem);
    mark(bolt, "class", `mark bolt battery${unit.battery_last_known ? " past" : ""}`);
    mark(bolt, "d", unit.on_battery ? outline("bolt", aside.r) : "");
    mark(bolt, "transform", `translate(${aside.x.toFixed(1)} ${aside.y.toFixed(1)})`);
    say(text, name ? page.unitName(unit) : "");
    if (!name) return;
    mark(text, "x", (name.x - spot.x).toFixed(1));
    mark(text, "y", (name.y - spot.y).toFixed(1));
    mark(text, "text-anchor", name.anchor);
  }

  // --- one of them --------------------------------------------------------------------------------------------------

  function tipLines(unit) {
    const words = page.words();
    const { total, down, unknown } = unit.devices;
    const state = words.state[unit.state] + (unit.since ? ` ${words.since(page.moment(unit.since))}` : "");
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

  function closeTip(code = opened) {
    if (opened === code) opened = null;
    showTip();
  }

  function showTip() {
    const tip = get("tip");
    const unit = opened ? page.commune(opened) : null;
    tip.hidden = !unit;
    if (!unit) return;
    const lines = [["", page.fullName(unit)], ...tipLines(unit)].map(([label, value], n) => ({ n, label, value }));
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

  get("dots").addEventListener("keydown", (event) => {
    const { code } = event.target.dataset;
    if (event.key === "Enter") return visit(code);
    const direction = ARROWS[event.key];
    if (!direction || event.altKey || event.ctrlKey || event.metaKey) return undefined;
    event.preventDefault();
    const next = nearest(spots, code, direction);
    const dots = [...get("dots").children];
    return next && moveTo(dots, dots.find((dot) => dot.dataset.code === next));
  });

  return { show, closeTip, isOpen: () => opened !== null };
}
