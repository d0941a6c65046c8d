// What stands above all else: that the facts are old, that netmon itself is in trouble; and storms and works under way.

import { glyph, keyed, make, mark, say } from "./dom.js";

const EXPLAINS_NO_STATE = ["influx"]; // of netmon's peers; that one is away is told last
const LOST = ["isolated", "unreachable"];
const PHASES = ["prepare", "impact", "recover"];
const WORKS_AT_MOST = 3; // named
const get = (id) => document.getElementById(id);

// `following` is what `stream` hands out.
export function banners(page, following) {
  function age() {
    const state = following.state();
    const at = following.heardAt();
    if (state === "live") return null;
    if (state === "loading") return { key: "starting", text: page.words().loading };
    const why = page.words().stream[state];
    return { key: "stale", text: at === null ? `${page.words().never}: ${why}` : page.words().stale(page.clock(at, true), why) };
  }

  function show() {
    const words = page.words();
    const facts = page.facts();
    const shown = [age()];
    if (facts.self_isolated) shown.push({ key: "alone", text: words.alone(page.moment(facts.self_isolated_since)) });
    const lost = (facts.lost ?? []).map((name) => ({ key: "lost", name, text: words.away[name] ?? words.awayOther(name) }));
    shown.push(...lost.filter(({ name }) => !EXPLAINS_NO_STATE.includes(name)));
    if (facts.ready === false) shown.push({ key: "starting", name: "netmon", text: words.starting });
    shown.push(...lost.filter(({ name }) => EXPLAINS_NO_STATE.includes(name)));
    const create = (banner) => make("p", `banner ${banner.key}`);
    keyed(get("banners"), shown.filter(Boolean), ({ key, name }) => `${key} ${name ?? ""}`, create, (node, { text }) => say(node, text));
    document.body.classList.toggle("stale", shown[0]?.key === "stale");
  }

  // Storms and works, which are no alarm: nothing here interrupts who listens to the page.
  function showWindows() {
    const { storms = [], maintenance = [] } = page.facts();
    const lines = storms.map((storm) => ({
      key: storm.id, kind: `storm level-${storm.level} ${storm.phase}`, pieces: [pieceOf(storm, stormEnd(storm))], storm,
    }));
    const overrun = maintenance.some((each) => each.overrun) ? "overrun" : "";
    if (maintenance.length) lines.push({ key: "works", kind: `works ${overrun}`, pieces: worksOf(maintenance) });
    mark(get("windows"), "aria-label", page.words().windows);
    get("windows").hidden = !lines.length;
    const create = ({ storm }) => (storm ? make("div", "", steps(), make("p"), make("ul", "toll")) : make("div", "", make("p")));
    keyed(get("windows"), lines, ({ key }) => key, create, (node, { kind, pieces, storm }) => {
      mark(node, "class", `window ${kind}`);
      showPieces(node.querySelector("p"), pieces);
      if (!storm) return;
      showSteps(node.querySelector(".steps"), storm.phase);
      keyed(node.querySelector(".toll"), tollOf(storm), ({ state }) => state, makeToll, (item, { state, number }) => {
        say(item.lastChild, page.words().toll[state](number));
      });
    });
  }

  const exercised = ({ exercise }) => (exercise ? `${page.words().exercise} ` : "");

  // What a line says: of each thing a name, which gives way where there is no room, and an end, which never does.
  const pieceOf = (each, end) => ({ key: each.id, name: `${exercised(each)}${each.name}`, end });

  function showPieces(node, pieces) {
    const create = () => make("span", "piece", make("span", "name"), make("span", "end"));
    keyed(node, pieces, ({ key }) => key, create, (piece, { name, end }) => {
      say(piece.firstChild, name);
      say(piece.lastChild, end);
    });
  }

  // An instant that has passed is no longer counted down to: what is so, netmon says.
  function stormEnd({ level, phase, start, until }) {
    const words = page.words().storm;
    const [said, at] = { prepare: [words.starts, start], impact: [words.left, until] }[phase] ?? [];
    const left = said && at > page.now() ? said(page.lasting(at - page.now())) : "";
    return ["", words.level(level), words.phase[phase], left].filter((part, n) => !n || part).join(" · ");
  }

  // Those that overrun stand first, lest they are cut.
  function worksOf(maintenance) {
    const words = page.words();
    const works = [...maintenance].sort((one, other) => other.overrun - one.overrun || one.until - other.until);
    const told = works.slice(0, WORKS_AT_MOST);
    const pieces = told.map((each, n) => {
      const left = each.until - page.now();
      const said = each.overrun ? words.overrun(page.lasting(-left)) : left > 0 ? words.storm.left(page.lasting(left)) : "";
      return pieceOf(each, `${said && ` (${said})`}${n < works.length - 1 ? " · " : ""}`);
    });
    const rest = works.length - told.length;
    const more = rest ? [{ key: "more", name: "", end: words.more(rest) }] : [];
    return [{ key: "", name: "", end: words.works("") }, ...pieces, ...more];
  }

  // Three steps that a storm goes through, of which one is now; the words beside them say it again.
  function steps() {
    const list = make("span", "steps", ...PHASES.map((phase) => make("i", phase)));
    list.setAttribute("aria-hidden", "true");
    return list;
  }

  function showSteps(node, phase) {
    const now = PHASES.indexOf(phase);
    [...node.children].forEach((step, n) => mark(step, "class", n < now ? "past" : n === now ? "now" : ""));
  }

  // What it did to the communes of its area: those that are cut off, on their backup, and, where netmon tells it, back again.
  function tollOf({ areas, back, phase }) {
    if (phase === "prepare") return [];
    const { code, communes } = page.board();
    const hit = communes.filter((unit) => !areas || areas.includes(code) || areas.includes(unit.code));
    const number = (test) => hit.filter(test).length;
    const toll = [
      { state: "isolated", number: number(({ state }) => LOST.includes(state)) },
      { state: "on_backup", number: number(({ state }) => state === "on_backup") },
    ];
    return back === undefined ? toll : [...toll, { state: "up", number: back }];
  }

  function makeToll({ state }) {
    return make("li", "", glyph(state), make("span"));
  }

  return { show, showWindows };
}
