// The targets, a line each: how many communes stand how, which are the worst, and what holds for the province.

import { keyed, make, mark, say } from "./dom.js";
import { WALL } from "./screen.js";

const STANDINGS = ["met", "at_risk", "missed", "unproven", "exempt"];
const get = (id) => document.getElementById(id);

const DAY_S = 86_400;
const FIGURES = {
  capacity: (page, value) => `${page.number((value * 8) / 1e6)}\u00a0Mbit/s`,
  latency: (page, value) => `${page.number(value * 1e3)}\u00a0ms`,
  redundancy: (page, value) => page.number(value),
  backup_drill: (page, value) => page.words().lasting.days(Math.floor(value / DAY_S), Math.floor((value % DAY_S) / 3600)),
  optical_margin: (page, value) => `${page.number(value)}\u00a0dB`,
};

// A figure of a target in the unit of its rule; most are shares.
export function figureOf(page, { rule, limit }, value) {
  return FIGURES[rule]?.(page, value) ?? page.percent(value, limit);
}

export function targets(page) {
  const figure = (target, value) => figureOf(page, target, value);
  const titled = (target) => target[`title_${page.language()}`];

  function show() {
    const words = page.words();
    const { targets: told, kind } = page.board();
    const own = told.filter(({ level }) => level === "commune");
    const sharesOf = ({ id }) => told.filter(({ level, of }) => level === "province" && of === id);
    const alone = told.filter(({ level, of }) => level === "province" && !own.some(({ id }) => id === of));
    say(get("targets-title"), words.targets);
    get("targets").hidden = !told.length;
    const heads = [words.targets, words.communes, words.worst, words.province(kind)];
    document.querySelectorAll("#targets th[scope=col]").forEach((head, n) => say(head, heads[n]));
    const used = STANDINGS.filter((standing) => own.some(({ counts }) => counts[standing]));
    keyed(document.querySelector("#targets .keys"), used, (standing) => standing, (standing) => make("li", `key ${standing}`), (node, standing) => {
      say(node, words.standing[standing]);
    });
    keyed(get("rules"), [...own, ...alone], ({ id }) => id, makeLine, (line, target) => {
      const [title, , worst, over] = line.children;
      say(title, titled(target));
      title.title = titled(target);
      line.dataset.calm = String(isCalm(target, sharesOf(target)));
      fillBar(line.querySelector(".bar"), target);
      const named = target.counts ? namedCommunes(target) : "";
      say(worst, named);
      worst.title = named;
      const judged = target.counts ? sharesOf(target) : [target];
      keyed(over, judged, ({ id }) => id, makeShare, fillShare);
      over.dataset.label = words.province(kind);
    });
    fit();
  }

  const isCalm = ({ counts, standing }, over) =>
    !["missed", "at_risk"].some((worse) => counts?.[worse] || standing === worse || over.some((share) => share.standing === worse));

  function makeLine() {
    const title = make("th", "title");
    title.scope = "row";
    const over = make("td", "shares");
    return make("tr", "target", title, make("td", "", make("div", "bar")), make("td", "named"), over);
  }

  function fillBar(bar, { counts = {} }) {
    const words = page.words();
    const said = STANDINGS.map((standing) => ({ standing, count: counts[standing] })).filter(({ count }) => count);
    const none = counts.met !== undefined && !said.length ? [{ standing: "pending" }] : [];
    keyed(bar, [...said, ...none], ({ standing }) => standing, ({ standing }) => make("span", `part ${standing}`), (part, { standing, count }) => {
      say(part, count ? String(count) : words.pending);
      part.style.flexGrow = count ?? 1;
      part.title = words.standing[standing] ?? "";
    });
  }

  function makeShare() {
    return make("span", "share", make("b"), make("span"), make("span", "limit"));
  }

  function fillShare(node, share) {
    const words = page.words();
    const [verdict, value, limit] = node.children;
    node.title = titled(share);
    mark(verdict, "class", share.standing ?? "");
    const judged = share.standing ? words.standing[share.standing] : words.pending;
    const ratio = share.value === null ? "" : figure(share, share.value);
    const some = ratio && share.standing === "unproven"; // "unproven 0 %" would read as 0 % achieved
    say(verdict, some ? words.proven(ratio) : judged);
    say(value, ratio && !some ? ` ${ratio}` : "");
    say(limit, ratio && ` (${words.required(figure(share, share.limit))})`);
  }

  function namedCommunes(target) {
    const standing = ["missed", "at_risk"].find((worse) => target.counts[worse]);
    if (!standing) return "";
    const entries = target.worst.filter((entry) => entry.standing === standing);
    const names = entries.map(({ commune: code, value }) => {
      const unit = page.commune(code);
      const name = unit ? page.unitName(unit) : code;
      return value === null ? name : `${name} ${figure(target, value)}`;
    });
    const left = target.counts[standing] - names.length;
    const rest = left > 0 ? ` ${page.words().moreUnits(left)}` : "";
    return `${page.words().standing[standing]}: ${names.join(" · ")}${rest}`;
  }

  // Where nobody scrolls the lines that say that all is well give way, from the last; in large type all of them, where the map
  // has to name the communes for which the lists lack room.
  function fit() {
    const panel = get("targets");
    const lines = [...get("rules").children];
    const more = panel.querySelector(".more");
    for (const line of lines) line.hidden = false;
    more.hidden = true;
    if (!WALL.matches) return;
    const calm = (line) => Number(line.dataset.calm === "true");
    const leaving = [...lines].reverse().sort((one, other) => calm(other) - calm(one));
    let left = 0;
    const all = document.documentElement.dataset.view === "wall" && page.isLacking();
    for (const line of leaving) {
      const fits = panel.scrollHeight <= panel.clientHeight + 1 && !(all && calm(line));
      if (fits || left === lines.length - 1) return;
      line.hidden = true;
      left += 1;
      more.hidden = false;
      say(more, page.words().more(left));
    }
  }

  // Everything, for paper.
  function unfold() {
    for (const line of get("rules").children) line.hidden = false;
    get("targets").querySelector(".more").hidden = true;
  }

  return { show, fit, unfold };
}
