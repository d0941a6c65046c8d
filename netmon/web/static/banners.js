// What stands above all else: that the facts are old, that netmon itself is in trouble; and storms and works under way.

import { glyph, keyed, make, mark, say } from "./dom.js";

const EXPLAINS_NO_STATE = ["influx"]; // of netmon's peers; that one is away is told last
const LOST = ["isolated", "unreachable"];
const PHASES = ["prepare", "impact", "recover"];
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
      key: storm.id, kind: `storm level-${storm.level} ${storm.phase}`, text: stormText(storm), storm,
    }));
    const late = ({ until, overrun }) =>
      overrun ? page.words().overrun(page.lasting(page.now() - until)) : page.words().storm.left(page.lasting(until - page.now()));
    const works = maintenance.map((each) => `${exercised(each)}${each.name} (${late(each)})`);
    const overrun = maintenance.some((each) => each.overrun) ? "overrun" : "";
    if (works.length) lines.push({ key: "works", kind: `works ${overrun}`, text: page.words().works(works.join(" · ")) });
    mark(get("windows"), "aria-label", page.words().windows);
    get("windows").hidden = !lines.length;
    const create = ({ storm }) => (storm ? make("div", "", steps(), make("p"), make("ul", "toll")) : make("div", "", make("p")));
    keyed(get("windows"), lines, ({ key }) => key, create, (node, { kind, text, storm }) => {
      mark(node, "class", `window ${kind}`);
      say(node.querySelector("p"), text);
      if (!storm) return;
      showSteps(node.querySelector(".steps"), storm.phase);
      keyed(node.querySelector(".toll"), tollOf(storm), ({ state }) => state, makeToll, (item, { state, number }) => {
        say(item.lastChild, page.words().toll[state](number));
      });
    });
  }

  const exercised = ({ exercise }) => (exercise ? `${page.words().exercise} ` : "");

  function stormText({ name, exercise, level, phase, start, until }) {
    const words = page.words().storm;
    const left = {
      prepare: () => words.starts(page.lasting(start - page.now())),
      impact: () => words.left(page.lasting(until - page.now())),
    };
    const parts = [name, words.level(level), words.phase[phase], left[phase]?.()];
    return `${exercised({ exercise })}${parts.filter(Boolean).join(" · ")}`;
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
