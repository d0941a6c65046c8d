// Sparklines and state strips: small charts of our own, exact. A slot without figures is a gap and never drawn over; what
// the pointer or the arrow keys point at is read out in words, and the whole is one sentence for those who do not see it.

import { glyph, keyed, make, makeSvg, mark, say } from "./dom.js";

const HIGH = 100; // the viewBox's height; its width is the number of slots, or of seconds
const HEIGHTS = { up: 30, on_backup: 65, suspect: 50, unreachable: 85, unknown: 30 }; // of 100; the others stand full
const SEEN_AT_LEAST = 1 / 500; // of a strip's length: a break of a minute in a month is seen, too
const SHORT_S = 60; // what is unseen for less is not told

// --- the plot, and what it reads out --------------------------------------------------------------------------------

// `chart` has: sentence, size (the number of places that can be read out), read(place) -> words, at(fraction) -> place,
// span(place) -> [from, to] in the viewBox's width.
const charts = new WeakMap();

function makePlot(...shapes) {
  const cursor = makeSvg("rect", "cursor");
  const svg = makeSvg("svg", "", ...shapes, cursor);
  mark(svg, "preserveAspectRatio", "none");
  mark(svg, "aria-hidden", "true");
  const plot = make("div", "plot", svg);
  plot.tabIndex = 0;
  mark(plot, "role", "img");
  plot.addEventListener("pointermove", (event) => {
    const { left, width } = plot.getBoundingClientRect();
    pointAt(plot, charts.get(plot)?.at(Math.min(0.999999, Math.max(0, (event.clientX - left) / width))));
  });
  plot.addEventListener("pointerleave", () => pointAt(plot, null));
  plot.addEventListener("blur", () => pointAt(plot, null));
  plot.addEventListener("keydown", (event) => {
    const chart = charts.get(plot);
    const { place } = chart;
    const last = chart.size - 1;
    const steps = { ArrowLeft: (place ?? last + 1) - 1, ArrowRight: (place ?? -1) + 1, Home: 0, End: last };
    if (!(event.key in steps) || !chart.size) return;
    event.preventDefault();
    event.stopPropagation();
    pointAt(plot, Math.min(last, Math.max(0, steps[event.key])));
  });
  return plot;
}

function pointAt(plot, place) {
  const chart = charts.get(plot);
  if (!chart) return;
  chart.place = place ?? null;
  const cursor = plot.querySelector(".cursor");
  const pointed = chart.place !== null && chart.place < chart.size;
  cursor.toggleAttribute("hidden", !pointed);
  say(plot.parentElement.querySelector(".read"), pointed ? chart.read(chart.place) : "");
  if (!pointed) return;
  const [from, to] = chart.span(chart.place);
  mark(cursor, "x", String(from));
  mark(cursor, "width", String(to - from));
}

function fillPlot(plot, width, chart) {
  const place = charts.get(plot)?.place ?? null;
  charts.set(plot, chart);
  mark(plot, "aria-label", chart.sentence);
  mark(plot.firstChild, "viewBox", `0 0 ${width} ${HIGH}`);
  mark(plot.querySelector(".cursor"), "height", String(HIGH));
  pointAt(plot, place);
}

// --- a line of figures ----------------------------------------------------------------------------------------------

export function makeSpark() {
  const shapes = ["band", "line", "limit"].map((name) => makeSvg("path", name));
  const head = make("p", "head", make("b"), make("span", "now"), make("span", "bound"));
  const scale = make("div", "scale", make("span"), make("span"));
  const ends = make("p", "ends", make("span"), readout(), make("span"));
  return make("div", "spark", head, scale, makePlot(...shapes), ends);
}

function readout() {
  const node = make("span", "read");
  mark(node, "role", "status");
  return node;
}

// `figures` are { title, from, step, values, least?, most?, latest?, limit?, limitSaid?, top?, zero } in one unit, null where
// there is none; `latest` says the newest, "" for none, where that is not the last of `values`; `least` and `most` bound a value's slot. `top` is on the scale whatever the values are, and 0 is where `zero`.
// `voice` is how they are said: { words: of the page, quantity(value), moment(unix), now: text beside the title or null }.
export function fillSpark(node, figures, voice) {
  const { words, quantity } = voice;
  const { values, least = values, most = values, limit = null } = figures;
  const levels = summary(values, least, most);
  const [floor, top] = scaleOf(figures, levels);
  const y = (value) => round(HIGH - (HIGH * (value - floor)) / (top - floor));
  const [head, scale, plot, ends] = node.children;
  say(head.children[0], figures.title);
  const last = values.at(-1) ?? null;
  say(head.children[1], voice.now ?? (last === null ? words.spark.noNow : quantity(last)));
  say(head.children[2], limit === null ? "" : words.spark.limit(figures.limitSaid ?? quantity(limit)));
  node.classList.toggle("none", !levels);
  [top, floor].forEach((value, n) => say(scale.children[n], !levels ? "" : value ? quantity(value) : "0"));
  const [band, line, bound] = plot.firstChild.children;
  const ground = least === values && figures.zero ? values.map((value) => (value === null ? null : Math.max(0, floor))) : least;
  mark(band, "d", ground === values ? "" : bandOf(ground, most, y));
  mark(line, "d", lineOf(values, y));
  mark(bound, "d", levels && limit !== null ? `M0 ${y(limit)}H${values.length}` : "");
  const at = (n) => figures.from + n * figures.step;
  say(ends.children[0], values.length ? voice.moment(at(0)) : "");
  say(ends.children[2], values.length ? voice.moment(at(values.length)) : "");
  const read = (n) => {
    if (values[n] === null) return words.spark.read(voice.moment(at(n)), words.spark.gap);
    const band = least === values ? "" : ` (${words.range(quantity(least[n]), quantity(most[n]))})`;
    return words.spark.read(voice.moment(at(n)), quantity(values[n]) + band);
  };
  fillPlot(plot, Math.max(1, values.length), {
    sentence: sentenceOf(figures, levels, figures.latest ?? (last === null ? "" : quantity(last)), voice),
    size: values.length,
    read,
    at: (fraction) => Math.floor(fraction * values.length),
    span: (n) => [n, n + 1],
  });
}

function sentenceOf({ title, values, limit = null, limitSaid }, levels, latest, { words, quantity }) {
  if (!levels) return `${title}: ${words.spark.none}.`;
  const gaps = values.filter((value) => value === null).length;
  const parts = [
    words.spark.levels(quantity(levels.least), quantity(levels.mean), quantity(levels.most)),
    latest ? words.spark.now(latest) : words.spark.noNow,
    limit === null ? "" : words.spark.limit(limitSaid ?? quantity(limit)),
    gaps ? words.spark.gaps(gaps) : "",
  ];
  return `${title}: ${parts.filter(Boolean).join("; ")}. ${words.spark.keys}`;
}

// null where there is nothing.
export function summary(values, least = values, most = values) {
  const known = values.filter((value) => value !== null);
  if (!known.length) return null;
  return {
    least: Math.min(...least.filter((value) => value !== null)),
    mean: known.reduce((sum, value) => sum + value, 0) / known.length,
    most: Math.max(...most.filter((value) => value !== null)),
  };
}

function scaleOf({ limit = null, top = null, zero = false }, levels) {
  if (!levels) return [0, 1];
  const known = [levels.least, levels.most, ...[limit, top].filter((value) => value !== null)];
  if (zero) known.push(0);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  if (zero && top === most && least === 0) return [0, top];
  const step = nice((most - least || Math.abs(most) || 1) / 2);
  const floor = Math.floor(least / step + 1e-9) * step;
  const ceiling = Math.ceil(most / step - 1e-9) * step;
  return [round(floor), round(ceiling > floor ? ceiling : floor + step)];
}

// The largest of 1, 2 or 5 times a power of ten that is no larger.
function nice(step) {
  const power = 10 ** Math.floor(Math.log10(step) + 1e-9);
  return power * ([5, 2].find((each) => each * power <= step * (1 + 1e-9)) ?? 1);
}

function round(value) {
  return Number(value.toPrecision(6));
}

// Each figure is level over its slot; a gap ends the line, and the next figure begins another.
function lineOf(values, y) {
  let path = "";
  values.forEach((value, n) => {
    if (value === null) return;
    const joined = n > 0 && values[n - 1] !== null;
    path += `${joined ? `V${y(value)}` : `M${n} ${y(value)}`}H${n + 1}`;
  });
  return path;
}

function bandOf(least, most, y) {
  return least.map((low, n) => (low === null ? "" : `M${n} ${y(low)}V${y(most[n])}H${n + 1}V${y(low)}Z`)).join("");
}

// --- a strip of states ----------------------------------------------------------------------------------------------

export function makeStrip() {
  const ends = make("p", "ends", make("span"), readout(), make("span"));
  return make("div", "strip", makePlot(), ends, make("ul", "totals"));
}

// `spans` are [from, to, state] within [from, to), in order; `title` says of what. `voice` is { words, state(state) -> word,
// moment, lasting, ratio }.
export function fillStrip(node, { title, from, to, spans }, voice) {
  const { words } = voice;
  const [plot, ends, shares] = node.children;
  const seen = within(spans, from, to);
  const held = [...seen, ...gapsOf(seen, from, to)].sort(([one], [other]) => one - other);
  const lengths = new Map();
  for (const [start, end, state] of seen) lengths.set(state, (lengths.get(state) ?? 0) + end - start);
  const unseen = to - from - [...lengths.values()].reduce((sum, length) => sum + length, 0);
  const rows = [...lengths].map(([state, length]) => ({ state, length })).sort((one, other) => other.length - one.length);
  const told = rows.map(({ state, length }) => ({ state, text: share(voice.state(state), length, to - from, voice) }));
  if (unseen >= SHORT_S) told.push({ state: "", text: share(words.strip.unseen, unseen, to - from, voice) });
  const svg = plot.firstChild;
  const cursor = svg.querySelector(".cursor");
  const order = [...rows].reverse().map(({ state }) => state).sort((one, other) => (other === "up") - (one === "up"));
  const paths = new Map([...svg.querySelectorAll("path")].map((path) => [path.dataset.state, path]));
  for (const state of order) {
    const path = paths.get(state) ?? makeSvg("path", "");
    paths.delete(state);
    path.dataset.state = state;
    mark(path, "class", `span ${state}`);
    mark(path, "d", seen.filter((span) => span[2] === state).map((span) => boxOf(span, from, to)).join(""));
    svg.insertBefore(path, cursor);
  }
  for (const path of paths.values()) path.remove();
  say(ends.children[0], voice.moment(from));
  say(ends.children[2], voice.moment(to));
  const create = ({ state }) => make("li", "", ...(state ? [glyph(state)] : []), make("span"));
  keyed(shares, told, ({ state }) => state, create, (item, { text }) => say(item.lastChild, text));
  const sentence = told.length ? told.map(({ text }) => text).join("; ") : words.spark.none;
  fillPlot(plot, to - from, {
    sentence: `${title}: ${sentence}. ${words.spark.keys}`,
    size: held.length,
    read: (n) => {
      const [start, end, state] = held[n];
      const until = end >= to ? words.strip.until : voice.moment(end);
      return `${state ? voice.state(state) : words.strip.unseen}: ${voice.moment(start)} – ${until} (${voice.lasting(end - start)})`;
    },
    at: (fraction) => {
      const at = fraction * (to - from);
      const isThere = ([left, right]) => left <= at && at < right;
      const there = held.flatMap((span, n) => (isThere(boundsOf(span, from, to)) ? [n] : []));
      return there.findLast((n) => !["up", ""].includes(held[n][2])) ?? there[0] ?? null;
    },
    span: (n) => boundsOf(held[n], from, to),
  });
}

function within(spans, from, to) {
  return spans
    .map(([start, end, state]) => [Math.max(from, start), Math.min(to, end ?? to), state])
    .filter(([start, end]) => end > start);
}

// What nobody saw between the spans is a place, too: one without a state.
function gapsOf(seen, from, to) {
  const edges = [from, ...seen.flatMap(([start, end]) => [start, end]), to];
  const gaps = [];
  for (let n = 0; n < edges.length; n += 2) if (edges[n + 1] - edges[n] >= SHORT_S) gaps.push([edges[n], edges[n + 1], ""]);
  return gaps;
}

// Seconds in which nobody could tell the state.
export function unwatched({ from, to, spans }) {
  const known = within(spans, from, to).filter(([, , state]) => state !== "unknown");
  return to - from - known.reduce((sum, [start, end]) => sum + end - start, 0);
}

function share(state, length, whole, { words, lasting, ratio }) {
  return words.strip.share(state, lasting(length), ratio(length / whole));
}

// Where a span is drawn. A short break is drawn wider than it lasted, and can be pointed at there.
function boundsOf([start, end, state], from, to) {
  const width = Math.max(end - start, leastWidth(state, to - from));
  const left = Math.min(start - from, to - from - width);
  return [left, left + width];
}

function leastWidth(state, whole) {
  return ["up", ""].includes(state) ? 0 : whole * SEEN_AT_LEAST;
}

function boxOf(span, from, to) {
  const [left, right] = boundsOf(span, from, to);
  return `M${left.toFixed(1)} ${HIGH}v${-(HEIGHTS[span[2]] ?? HIGH)}H${right.toFixed(1)}V${HIGH}Z`;
}
