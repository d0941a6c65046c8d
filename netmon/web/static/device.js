// The page of a device: what it is, how it is, what it tells, and how that was over a week.

import { keyed, make, say } from "./dom.js";
import { fillSpark, fillStrip, makeSpark, makeStrip, summary, unwatched } from "./spark.js";

const TOPICS = {
  power: /^(mains|power|rectifier|battery|generator|fuel|load_current)/u,
  air: /^(ambient|humidity|door|smoke|water)/u,
  port: /^(interface|neighbour)/u,
  optic: /^(optic|onu|pon)_/u,
  radio: /^(radio|dsl|cellular|path|tunnel|speed|link)_/u,
  host: /^(processor|memory|storage|host|sessions)/u,
  device: /^(device|component|alarms|temperature|voltage|current|frequency|fan|level)/u,
  other: /^/u,
};
const FIGURES_FIRST = 8; // that a page shows before it is asked for the rest
const EXACT_S = 120; // younger than that an age is said in seconds
const ZERO = /_(ratio|per_second|watts|amperes|rpm|bytes)$/u; // figures that are read from 0 on

export function devicePage(page, kit) {
  const { panel, sinceText, shareText, fillState, fillReason, fillLinks, fillTerms, fillOutages } = kit;
  const own = () => page.own();
  const title = make("h2");
  const state = make("p", "status", make("span", "state"), make("span", "when"));
  const head = make("div", "title", title, state, make("p", "why"), make("p", "about"));
  const strip = makeStrip();
  const states = panel("states", strip);
  const identity = panel("identity", make("dl"));
  const readings = panel("readings", make("p", "calm"), make("div", "topics"));
  const links = kit.makeLinks();
  const figures = panel("figures", make("div", "charts"), kit.makeMore());
  const notices = panel("notices", make("p", "calm"), make("ul"));
  const outages = kit.makeOutages();
  const root = make(
    "div", "unit", head, states,
    make("div", "wide", readings, links, figures), make("div", "narrow", identity, notices, outages),
  );

  function fill(told) {
    const { history } = told;
    fillHead(told);
    fillIdentity(told);
    say(states.firstChild, own().parts.states);
    const spans = { title: own().parts.states, from: history.from, to: history.to, spans: history.states };
    fillStrip(strip, spans, {
      words: own(), state: (each) => own().strip[each] ?? stateWord(each), moment: page.moment, lasting: page.lasting, ratio: shareText,
    });
    links.hidden = !told.links.length;
    fillLinks(links, told.links, history);
    fillReadings(told);
    fillFigures(history.figures, told.device);
    fillNotices(told.notices);
    fillOutages(outages, told.outages, unwatched(spans));
  }

  const stateWord = (each) => own().device[each] ?? each;

  function fillHead(told) {
    say(title, told.device);
    fillState(state.children[0], told.state, stateWord(told.state));
    say(state.children[1], sinceText(told.since));
    fillReason(head.children[2], told);
    const commune = told[`commune_${page.words().name}`] ?? told.commune;
    say(head.children[3], [told.site_name, commune].filter(Boolean).join(" · "));
  }

  function fillIdentity(told) {
    const names = own().identity;
    say(identity.firstChild, own().parts.identity);
    const poll = told.last_poll === null ? "" : ageOf([{ at: told.last_poll, holds: true }]);
    const deviceOf = (id) => ({ href: `#/device/${encodeURIComponent(id)}`, text: id });
    fillTerms(identity.lastChild, [
      [names.site, { href: `#/site/${encodeURIComponent(told.site)}`, text: told.site_name || told.site }],
      [names.upstreams, ...(told.upstreams.length ? told.upstreams.map(deviceOf) : [own().none])],
      [names.addresses, ...told.addresses],
      [names.speaks, told.speaks?.toUpperCase()],
      [names.profile, told.profile],
      [names.poll, [poll, own().outcome[told.outcome] ?? told.outcome].filter(Boolean).join(", ")],
    ]);
  }

  // --- readings -----------------------------------------------------------------------------------------------------

  function titleOf(row) {
    return own().flags[row.family]?.[0] ?? row[own().title].replace(/\.$/u, "");
  }

  function valueOf({ family, value, unit }) {
    const flag = own().flags[family];
    return flag && (value === 0 || value === 1) ? flag[value ? 1 : 2] : page.quantity.say(value, unit, family);
  }

  const isAmiss = ({ family, value }) => own().flags[family]?.[3] === value;

  // A port and a sensor of the same name are said once.
  const partOf = ({ part }) => part.replace(/^(.+) \1$/u, "$1");

  const short = (family) => family.replace(/^netmon_/u, "");

  function ageOf(rows) {
    const age = Math.max(0, page.now() - Math.min(...rows.map(({ at }) => at)));
    const said = age < EXACT_S ? own().seconds(Math.floor(age)) : page.lasting(age);
    return rows.every(({ holds }) => holds) ? own().ago(said) : own().held(said);
  }

  // By topic, then by family: a family of many parts is one line until it is opened, and only then are its parts made.
  function fillReadings(told) {
    say(readings.children[0], own().parts.readings);
    const total = told.totals?.readings ?? told.readings.length;
    const some = total > told.readings.length ? own().shown(told.readings.length, total) : "";
    say(readings.children[1], told.readings.length ? some : own().noReadings);
    const topics = new Map(Object.keys(TOPICS).map((topic) => [topic, new Map()]));
    for (const row of told.readings) {
      const [topic] = Object.entries(TOPICS).find(([, pattern]) => pattern.test(short(row.family)));
      const families = topics.get(topic);
      families.set(row.family, [...(families.get(row.family) ?? []), row]);
    }
    const shown = [...topics].filter(([, families]) => families.size);
    const create = () => make("section", "topic", make("h4"), make("div", "families"));
    keyed(readings.children[2], shown, ([topic]) => topic, create, (node, [topic, families]) => {
      say(node.firstChild, own().topics[topic]);
      const keyOf = ([family, rows]) => `${family} ${rows.length > 1 ? "many" : "one"}`;
      const createOf = ([, rows]) => (rows.length > 1 ? makeFamily() : makeReading());
      keyed(node.lastChild, [...families], keyOf, createOf, (each, [, rows]) => {
        if (rows.length > 1) fillFamily(each, rows);
        else fillReading(each, rows[0], [titleOf(rows[0]), partOf(rows[0])].filter(Boolean).join(" · "));
      });
    });
  }

  function makeReading() {
    return make("p", "reading", make("span", "name"), make("b", "value"), make("span", "age"));
  }

  function fillReading(node, row, name) {
    say(node.children[0], name);
    say(node.children[1], valueOf(row));
    say(node.children[2], ageOf([row]));
    node.classList.toggle("old", !row.holds);
    node.classList.toggle("amiss", isAmiss(row));
  }

  const contents = new WeakMap(); // of families that can be opened, their rows

  function makeFamily() {
    const line = make("summary", "", make("span", "name"), make("b", "value"), make("span", "age"));
    const node = make("details", "family", line, make("div", "rows"));
    node.addEventListener("toggle", () => fillRows(node));
    return node;
  }

  function fillFamily(node, rows) {
    const [{ children: [name, value, age] }] = node.children;
    contents.set(node, rows);
    say(name, `${titleOf(rows[0])} · ${own().values(rows.length)}`);
    say(value, spreadOf(rows));
    say(age, ageOf(rows));
    node.classList.toggle("old", rows.every(({ holds }) => !holds));
    node.classList.toggle("amiss", rows.some(isAmiss));
    fillRows(node);
  }

  function spreadOf(rows) {
    const flag = own().flags[rows[0].family];
    if (flag) {
      const ones = rows.filter(({ value }) => value === 1).length;
      return [[ones, flag[1]], [rows.length - ones, flag[2]]].filter(([n]) => n).map(([n, word]) => `${n} ${word}`).join(", ");
    }
    const levels = summary(rows.map(({ value }) => value));
    if (!levels) return page.quantity.say(null);
    const ends = [levels.least, levels.most].map((value) => page.quantity.say(value, rows[0].unit, rows[0].family));
    return ends[0] === ends[1] ? ends[0] : own().range(...ends);
  }

  function fillRows(node) {
    const rows = node.open ? contents.get(node) : [];
    keyed(node.lastChild, rows, ({ part }) => part, makeReading, (each, row) => fillReading(each, row, partOf(row)));
  }

  // --- figures by the hour, notices ---------------------------------------------------------------------------------

  // A part of this very device is named without it.
  const withoutDevice = (part, device) => (part === device ? "" : part.replace(`${device} `, ""));

  function fillFigures(told, device) {
    const [heading, charts, more] = figures.children;
    figures.hidden = !told.length;
    say(heading, own().parts.figures);
    const keyOf = ({ subject, figure, part }) => `${subject} ${figure} ${part}`;
    keyed(charts, kit.folded(told, more, FIGURES_FIRST), keyOf, makeSpark, (node, row) => {
      const part = row.subject_kind === "link" ? `${row.subject} ${own()[row.part] ?? row.part}` : withoutDevice(row.part, device);
      const of = [row[own().title].replace(/\.$/u, ""), part].filter(Boolean).join(" · ");
      const values = { values: row.mean, least: row.least, most: row.most };
      fillSpark(node, { title: of, from: row.from, step: row.step_s ?? 3600, ...values, zero: ZERO.test(row.figure) }, {
        words: own(), quantity: (value) => page.quantity.say(value, row.unit, row.figure), moment: page.moment, now: null,
      });
    });
  }

  function fillNotices(told) {
    const [heading, calm, list] = notices.children;
    say(heading, own().parts.notices);
    say(calm, told.length ? "" : own().calm.notices);
    const create = () => make("li", "", make("span", "when"), make("b"), make("span", "about"));
    const numbered = [...told].reverse().map((notice, n) => ({ ...notice, n })).reverse();
    keyed(list, numbered, ({ at, name, n }) => `${at} ${name} ${n}`, create, (row, { at, kind, name, source, detail }) => {
      const details = Object.entries(detail ?? {}).map(([key, value]) => `${key} ${value}`).join(", ");
      say(row.children[0], page.moment(at));
      say(row.children[1], name);
      say(row.children[2], [own().notice[kind] ?? kind, source, details].filter(Boolean).join(" · "));
    });
  }

  return { root, fill, seek() {} };
}
