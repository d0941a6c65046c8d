// The province's name, its numbers, the other provinces, and the clock.

import { glyph, keyed, make, mark, say } from "./dom.js";

const STATES = ["up", "on_backup", "isolated", "unreachable", "unknown"];
const CUT_OFF = ["isolated", "unreachable"];
const get = (id) => document.getElementById(id);

export function count(communes, state) {
  return communes.filter((unit) => unit.state === state).length;
}

export function countCutOff(communes) {
  return CUT_OFF.reduce((sum, state) => sum + count(communes, state), 0);
}

// `choose` is called with the code of a province that somebody wants to see.
export function header(page, choose) {
  function show() {
    const { provinces } = page.facts();
    const words = page.words();
    const { communes, devices, on_battery: battery, ...province } = page.board();
    say(get("province"), province[words.name]);
    const counted = (state) => count(communes, state);
    const without = counted("none");
    say(get("subtitle"), without ? `${words.subtitle} · ${words.without(without)}` : words.subtitle);
    const total = Object.values(devices).reduce((sum, number) => sum + number, 0);
    const tiles = STATES.map((state) => ({ key: state, state, value: counted(state) }));
    tiles.push({ key: "battery", state: "battery", value: battery.total });
    tiles.push({ key: "devices", state: "", value: devices.up + devices.suspect, of: total });
    keyed(get("tiles"), tiles, (tile) => tile.key, makeTile, fillTile);
    const several = provinces.length > 1;
    get("provinces").hidden = !several;
    mark(get("provinces"), "aria-label", words.provinces);
    keyed(get("provinces"), several ? provinces : [], (unit) => unit.code, makeChoice, (node, unit) => {
      fillChoice(node, unit);
      mark(node, "aria-pressed", String(unit.code === province.code));
    });
    // What is read aloud: numbers, and only when one of them is another.
    say(get("news"), words.news(countCutOff(communes), counted("on_backup")));
  }

  function makeTile(tile) {
    const head = make("span", "head", make("span", "value"));
    if (tile.state) head.prepend(glyph(tile.state));
    if ("of" in tile) head.append(make("span", "of"));
    return make("li", `tile ${tile.key}`, head, make("span", "label"));
  }

  function fillTile(node, tile) {
    node.classList.toggle("zero", !tile.value);
    say(node.querySelector(".value"), String(tile.value));
    if ("of" in tile) say(node.querySelector(".of"), `/${tile.of}`);
    say(node.querySelector(".label"), page.words().tile[tile.key]);
  }

  function makeChoice(unit) {
    const button = make("button", "", make("span"), ...CUT_OFF.map(glyph), make("span", "count"));
    button.type = "button";
    button.addEventListener("click", () => choose(unit.code));
    return button;
  }

  // A province that nobody looks at still says how many of its communes are cut off.
  function fillChoice(button, unit) {
    const [name, isolated, unreachable, number] = button.children;
    const total = countCutOff(unit.communes);
    const worst = count(unit.communes, "isolated") ? isolated : unreachable;
    say(name, unit[page.words().name]);
    for (const symbol of [isolated, unreachable]) symbol.toggleAttribute("hidden", !total || symbol !== worst);
    say(number, String(total));
    number.hidden = !total;
    button.title = total ? `${page.words().list.cut_off}: ${total}` : "";
  }

  // What a browser's tab says: what is looked at, and how many communes of all provinces are cut off.
  function showTitle() {
    const { provinces = [] } = page.facts();
    const words = page.words();
    const alarms = provinces.reduce((sum, { communes }) => sum + countCutOff(communes), 0);
    const place = page.subject() || (provinces.length ? words.shortProvince(page.board()[words.name]) : "");
    const title = `${alarms ? `(${alarms}) ` : ""}${[place, "netmon"].filter(Boolean).join(" · ")}`;
    if (document.title !== title) document.title = title;
  }

  function tick() {
    showTitle();
    say(get("clock"), page.clock(page.now(), true));
    say(get("date"), page.day(page.now(), { weekday: "long", day: "2-digit", month: "2-digit", year: "numeric" }));
  }

  return { show, tick };
}
