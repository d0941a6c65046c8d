// What is wrong, by kind: sites that are cut off or on their backup, devices that are down, and who goes dark next.

import { glyph, keyed, make, mark, say } from "./dom.js";
import { count } from "./header.js";
import { rows } from "./rove.js";
import { WALL, heightOf } from "./screen.js";

const GIVES_WAY = { incidents: 1.5, cut_off: 1, dark: 2, on_backup: 2, down: 3 }; // what a row counts for when there are too many
const LEAST = [ // rows that stay of each, as long as there is room for so many at all
  { incidents: 3, cut_off: 3, dark: 1, on_backup: 1, down: 1 },
  { incidents: 2, cut_off: 3, dark: 1, on_backup: 1, down: 0 },
  { incidents: 1, cut_off: 1, dark: 0, on_backup: 0, down: 0 },
];
const OF_COMMUNES = new Set(["cut_off", "on_backup"]);
const KINDS = ["cut_off", "on_backup", "dark", "down"];
const get = (id) => document.getElementById(id);

// `above` is the list of incidents: { heights(), keep(n) }, of which fewer rows are kept where these lack room.
export function lists(page, above) {
  const words = () => page.words();

  const FILLED = {
    cut_off(row) {
      if (row.state === "isolated") return siteRow(row, "isolated", lostLinks(row));
      const cause = row.cause ? words().because(`${row.cause.device}, ${row.cause.name}`) : words().upstream;
      if (row.count === 1) return siteRow(row, "unreachable", cause);
      const named = row.sites.map(page.placeName).join(", ") + (row.count > row.sites.length ? "…" : "");
      const key = `behind ${row.cause?.device}`;
      const to = row.cause ? deviceRoute(row.cause.device) : "";
      return { key, state: "unreachable", title: words().sites(row.count), parts: [cause, named], to };
    },
    on_backup: (row) => siteRow(row, "on_backup", lostLinks(row)),
    down(row) {
      if (!row.device) return { key: "", state: "down", title: words().orphans(row.count), parts: [words().rechecking], to: "" };
      const { device } = row.device;
      const what = row.behind ? words().goneWith(device, row.behind) : words().gone(device);
      const parts = [what, page.siteName(row.device)];
      return { key: device, state: "down", title: page.placeName(row.device), parts, hint: row.detail, to: deviceRoute(device) };
    },
    dark(row) {
      const mains = row.over ? words().perhapsDark : row.last_known ? `${words().mains} (${words().lastKnown})` : words().mains;
      return { ...siteRow(row, "battery", mains), ends: row };
    },
  };

  const deviceRoute = (device) => `#/device/${encodeURIComponent(device)}`;

  function siteRow(row, state, cause) {
    const [place] = row.sites;
    const parts = [page.siteName(place), cause];
    const to = `#/site/${encodeURIComponent(place.site)}`;
    return { key: place.site, state, title: page.placeName(place), parts, to };
  }

  function lostLinks({ links }) {
    return links.length ? words().lost(page.linkNames(links)) : "";
  }

  // Sites without mains: first those of which it is known when they end, the soonest first; last those that say nothing any
  // more and that netmon counts no longer among them. Where `dark` is cut short nobody can tell which these are.
  function darkOf({ dark, on_battery: battery }) {
    const ending = (dark?.rows ?? []).map((row) => ({ ...row, count: 1, sites: [row] }));
    const told = new Set(ending.map(({ site }) => site));
    const isWhole = dark?.total === ending.length;
    const others = battery.rows.filter(({ sites: [place] }) => !told.has(place.site))
      .map((row) => ({ ...row, over: isWhole && row.last_known }))
      .sort((one, other) => one.over - other.over);
    const known = new Map(battery.rows.map((row) => [row.sites[0].site, row.last_known]));
    for (const row of ending) row.last_known = known.get(row.site) ?? false;
    const all = [...ending, ...others];
    return { total: Math.max(dark?.total ?? 0, battery.total, all.length), rows: all };
  }

  function show() {
    keyed(get("lists"), KINDS, (kind) => kind, makeList, (section, kind) => {
      const { total, rows: told } = kind === "dark" ? darkOf(page.board()) : page.board()[kind];
      const [head, list, more] = section.children;
      section.classList.toggle("empty", !total);
      say(head.children[0], words().list[kind]);
      say(head.children[1], total ? String(total) : emptiness(kind));
      const shown = told.map((row) => ({ ...FILLED[kind](row), since: row.since, count: row.count }));
      keyed(list, shown, (row) => row.key, makeRow, fillRow);
      more.dataset.total = total;
    });
    fit();
  }

  // "None" is said only where everything is known.
  function emptiness(kind) {
    const { self_isolated: alone, ready } = page.facts();
    if (alone || !ready) return words().state.unknown;
    const { communes, devices } = page.board();
    const unknown = OF_COMMUNES.has(kind) ? count(communes, "unknown") : devices.unknown;
    return unknown ? words().unsureOf[OF_COMMUNES.has(kind) ? "communes" : "devices"](unknown) : words().nothing;
  }

  const roving = new Map();
  let lacking = false; // even the communes that are cut off do not all stand on the wall

  function makeList(kind) {
    const heading = make("h3", "", make("span", "title"), make("span", "count"));
    const list = make("ul");
    const section = make("section", `list ${kind}`, heading, list, make("p", "more"));
    section.tabIndex = -1;
    heading.firstChild.id = `list-${kind}`;
    section.setAttribute("aria-labelledby", heading.firstChild.id);
    roving.set(kind, rows(list, "a.title"));
    return section;
  }

  function makeRow(row) {
    const title = make("a", "title");
    const head = make("span", "head", title, make("span", "lasting"));
    const tail = make("span", "tail", make("span", "cause"), make("span", "since"));
    return make("li", `row ${row.state}`, make("span", "badge", glyph(row.state)), make("span", "text", head, tail));
  }

  function fillRow(node, row) {
    const title = node.querySelector(".title");
    mark(node, "class", `row ${row.state}${row.count === 1 ? " alone" : ""}`);
    say(title, row.title);
    if (row.to) mark(title, "href", row.to);
    else title.removeAttribute("href");
    say(node.querySelector(".cause"), row.parts.filter(Boolean).join(" · "));
    node.dataset.since = row.since ?? "";
    node.dataset.ends = row.ends?.likely ?? "";
    node.dataset.count = row.count;
    node.title = row.hint ?? "";
    say(node.querySelector(".since"), sinceOf(row));
    age(node);
  }

  function sinceOf({ since, ends }) {
    if (ends?.likely) return words().ends.between(page.moment(ends.earliest ?? ends.likely), page.moment(ends.latest ?? ends.likely));
    return since ? words().since(page.moment(since)) : "";
  }

  // How long it lasts, or how long there is left.
  function age(node) {
    const { since, ends } = node.dataset;
    const lasting = node.querySelector(".lasting");
    if (ends) {
      const left = Number(ends) - page.now();
      node.classList.toggle("soon", left < 1800);
      say(lasting, left > 0 ? words().ends.left(page.lasting(left)) : words().ends.over);
    } else say(lasting, since ? page.lasting(page.now() - Number(since)) : "");
  }

  function tick() {
    for (const node of get("lists").querySelectorAll(".row")) age(node);
  }

  // On a wall nobody scrolls: what does not fit is counted. The longest list gives way first, that of the communes that are
  // cut off last, and their rows are of one line before any of them goes.
  function fit() {
    const panel = get("lists");
    const sections = [...panel.children].map((section) => ({ section, items: [...section.querySelectorAll(".row")] }));
    const [cutOff] = sections;
    panel.classList.remove("tight");
    for (const { items } of sections) for (const row of items) row.hidden = false;
    for (const { section, items } of sections) countHidden(section, items, items.length);
    lacking = false;
    if (WALL.matches) {
      squeeze(panel, sections);
      lacking = cutOff.items.some((row) => row.hidden);
      if (lacking) {
        panel.classList.add("tight");
        squeeze(panel, sections);
      }
    }
    for (const each of roving.values()) each.settle();
    keepFocus(panel);
  }

  // What was focused may have had to give way.
  function keepFocus(panel) {
    const row = panel.contains(document.activeElement) && document.activeElement.closest(".row[hidden]");
    if (!row) return;
    const shown = [...row.parentElement.querySelectorAll(".row:not([hidden]) a[href]")];
    (shown.at(-1) ?? row.closest(".list")).focus({ preventScroll: true });
  }

  // Heights are measured once and then reckoned with, for to measure after each row would lay the page out each time.
  function squeeze(panel, sections) {
    for (const { items } of sections) for (const row of items) row.hidden = false;
    let over = panel.scrollHeight - panel.clientHeight;
    if (over <= 1) return;
    const heights = Object.fromEntries(sections.map(({ section, items }) => [section.dataset.key, items.map(heightOf)]));
    heights.incidents = above().heights();
    const weights = panel.classList.contains("tight") ? { ...GIVES_WAY, cut_off: 0.5 } : GIVES_WAY; // of half the height
    const visible = Object.fromEntries(Object.entries(heights).map(([kind, each]) => [kind, each.length]));
    for (const least of LEAST) {
      const burden = (kind) => (visible[kind] > least[kind] ? visible[kind] * weights[kind] : 0);
      while (over > 1) {
        const longest = Object.keys(visible).reduce((one, other) => (burden(other) > burden(one) ? other : one));
        if (!burden(longest)) break;
        visible[longest] -= 1;
        over -= heights[longest][visible[longest]];
      }
    }
    above().keep(visible.incidents);
    for (const { section, items } of sections) {
      const left = visible[section.dataset.key];
      items.forEach((row, n) => { row.hidden = n >= left; });
      countHidden(section, items, left);
    }
  }

  function countHidden(section, items, visible) {
    const more = section.querySelector(".more");
    const shown = items.slice(0, visible).reduce((sum, row) => sum + Number(row.dataset.count), 0);
    const left = Number(more.dataset.total) - shown;
    more.hidden = left <= 0;
    say(more, left > 0 ? words().more(left) : "");
  }

  // Everything, for paper.
  function unfold() {
    for (const row of get("lists").querySelectorAll(".row")) row.hidden = false;
    for (const section of get("lists").children) countHidden(section, [...section.querySelectorAll(".row")], Infinity);
  }

  return { show, fit, tick, emptiness, unfold, isLacking: () => lacking };
}
