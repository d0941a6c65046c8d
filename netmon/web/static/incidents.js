// Incidents: the list of those that go on, and the book of each, which whoever has a token may write into. The token lies in
// sessionStorage, is sent in a header, and never stands in an address. Text from outside is only ever text.

import { glyph, keyed, make, mark, say } from "./dom.js";
import { rows } from "./rove.js";
import { WALL, heightOf } from "./screen.js";

const PATIENCE_MS = 10_000;
const WRITTEN_AFTER_MS = 1_500; // by then a line stands in the book
const PATH = "api/v1/incidents";
const HITS = ["isolated", "on_backup", "service_centres", "stations"];
const CAUSES = ["fibre", "power", "equipment", "upstream", "works", "monitoring", "unknown"];
const NEEDS_TEXT = ["comment", "assign"];
const NAMED_AT_MOST = 8;
const CLUES_AT_MOST = 4;
const SHARE = 0.46; // of its column, that the list takes on a wall at most

const purse = {
  get: () => { try { return sessionStorage.getItem("netmon.token") ?? ""; } catch { return purse.kept ?? ""; } },
  set: (token) => { try { sessionStorage.setItem("netmon.token", token); } catch { purse.kept = token; } },
  drop: () => { purse.kept = ""; try { sessionStorage.removeItem("netmon.token"); } catch { /* it was not kept */ } },
};

const get = (id) => document.getElementById(id);
const panel = get("incidents");
const book = get("book");
const byHand = get("by-hand");
const asking = get("token");

// `page` is how the wallboard says things: { words, facts, board, moment, lasting, now, unitName, commune, placeName,
// emptiness, parse, refresh }, of which the first three are asked for anew each time.
export function incidents(page) {
  let opened = null; // { incident, entries } of the book that lies open
  let busy = false;
  let visible = 0; // rows of the list
  const roving = rows(panel.children[1], "button.title");

  const words = () => page.words();
  const causeOf = (incident) => {
    const [holds, found] = [words().cause[incident.cause], words().cause[incident.found_cause]];
    return incident.cause !== incident.found_cause ? words().corrected(holds, found) : holds;
  };
  const hitsOf = ({ impact }) => HITS.filter((kind) => impact[kind].length).map((kind) => words().hits[kind](impact[kind].length));
  const whoOf = ({ acknowledged, assigned }) =>
    [acknowledged && words().taken(acknowledged.replace(/^web:/u, "")), assigned && words().handed(assigned)].filter(Boolean).join(", ");

  function placeOf(told) {
    if (told.kind === "commune") return communeName(told.id);
    return told.site ? page.placeName({ commune: told.commune, kind: told.site_kind, name: told.name }) : "";
  }

  function communeName(code) {
    const unit = page.commune(code);
    return unit ? page.unitName(unit) : code;
  }

  // A root by its place, and by its own name where it is more than a place.
  function title(root) {
    const place = placeOf(root);
    if (root.kind === "commune" || root.kind === "site") return place || root.id;
    const name = words().root[root.kind]?.(root.id) ?? root.id;
    return place ? `${place} · ${name}` : name;
  }

  // --- the list -----------------------------------------------------------------------------------------------------

  function show() {
    const told = page.facts().incidents;
    panel.hidden = told === undefined;
    showKeys();
    if (told === undefined) return;
    const shown = told.filter((incident) => incident.province === page.board().code);
    const [heading, list] = panel.children;
    panel.classList.toggle("empty", !shown.length);
    say(heading.children[0], words().incidents);
    say(heading.children[1], shown.length ? String(shown.length) : page.emptiness("down"));
    keyed(list, shown, ({ id }) => id, makeRow, fillRow);
    showCauses(shown);
    fit();
    if (book.open) look();
  }

  // How many there are of each cause, and how old the oldest of them is.
  function showCauses(shown) {
    const causes = CAUSES.map((cause) => ({ cause, alike: shown.filter((incident) => incident.cause === cause) }));
    const told = causes.filter(({ alike }) => alike.length);
    const create = () => make("li", "", make("b"), make("span"), make("span", "lasting"));
    keyed(panel.querySelector(".causes"), told, ({ cause }) => cause, create, (node, { cause, alike }) => {
      say(node.children[0], String(alike.length));
      say(node.children[1], words().cause[cause]);
      node.dataset.since = Math.min(...alike.map(({ since }) => since));
    });
    tick();
  }

  function tick() {
    for (const node of panel.querySelectorAll("[data-since]")) {
      say(node.querySelector(".lasting"), page.lasting(page.now() - Number(node.dataset.since)));
    }
  }

  // On a wall whole rows stand in the list, and what else there is is counted; it can still be scrolled to.
  function fit() {
    const [, list] = panel.children;
    const { scrollTop } = list;
    showRows(list.children.length);
    if (WALL.matches) {
      let over = panel.offsetHeight - SHARE * panel.parentElement.clientHeight;
      const rowHeights = heights();
      let kept = visible;
      while (kept > 1 && over > 0) over -= rowHeights[kept -= 1];
      keep(kept);
      list.scrollTop = scrollTop;
    }
    roving.settle();
  }

  // How high each of the rows is that are seen.
  function heights() {
    return panel.hidden ? [] : [...panel.children[1].children].slice(0, visible).map(heightOf);
  }

  function keep(n) {
    if (n < visible) showRows(n);
  }

  function showRows(n) {
    const [, list, more] = panel.children;
    const left = list.children.length - n;
    visible = n;
    list.style.maxHeight = left ? `${list.children[n].offsetTop - list.children[0].offsetTop}px` : "";
    more.hidden = !left;
    say(more, left ? words().more(left) : "");
  }

  function stateOf({ impact }) {
    return ["isolated", "on_backup"].find((kind) => impact[kind].length) ?? "down";
  }

  function makeRow(incident) {
    const button = make("button", "title");
    button.type = "button";
    button.addEventListener("click", () => open(incident.id));
    const head = make("span", "head", button, make("span", "lasting"));
    const tail = make("span", "tail", make("span", "cause"), make("span", "who"));
    return make("li", "row incident", make("span", "badge"), make("span", "text", head, tail));
  }

  function fillRow(node, incident) {
    showBadge(node.querySelector(".badge"), stateOf(incident));
    say(node.querySelector(".title"), title(incident.root));
    say(node.querySelector(".cause"), [causeOf(incident), ...hitsOf(incident), fallen(incident)].filter(Boolean).join(" · "));
    const who = whoOf(incident);
    say(node.querySelector(".who"), who || words().nobody);
    node.classList.toggle("taken", Boolean(who));
    node.dataset.since = incident.since;
  }

  function showBadge(badge, state) {
    if (badge.dataset.state === state) return;
    badge.dataset.state = state;
    badge.replaceChildren(glyph(state));
  }

  const fallen = ({ down }) => (down ? words().fallen(down) : "");

  // --- the book -----------------------------------------------------------------------------------------------------

  // Of any province, and also one that is over and no longer told on the wall.
  async function open(id) {
    const told = page.facts().incidents?.find((incident) => incident.id === id);
    const found = told ? { incident: told, entries: [] } : (await ask(id)).found;
    if (!found || book.open) return;
    opened = found;
    tell("");
    book.querySelector("textarea").value = "";
    book.querySelector("select").value = opened.incident.cause;
    showBook();
    book.showModal();
    if (told) await look();
  }

  async function look() {
    const { id } = opened.incident;
    const { found, gone } = await ask(id);
    if (opened?.incident.id !== id || busy) return;
    if (gone) tell(words().book.gone);
    if (!found) return;
    opened = found;
    showBook();
  }

  async function ask(id) {
    try {
      const answer = await fetch(`${PATH}/${encodeURIComponent(id)}`, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
      return { gone: answer.status === 404, found: answer.ok ? page.parse(await answer.text()) : null };
    } catch (error) {
      console.warn(error); // the wallboard itself says that netmon does not answer
      return { gone: false, found: null };
    }
  }

  function showBook() {
    const { incident, entries } = opened;
    const say_ = words().book;
    say(get("book-title"), `${title(incident.root)} · ${incident.id}`);
    say(book.querySelector(".leave"), say_.close);
    const named = incident.members.slice(0, NAMED_AT_MOST).map((member) => member.id).join(", ");
    const rest = incident.down > NAMED_AT_MOST ? "…" : "";
    const hit = HITS.slice(0, 2).flatMap((kind) => incident.impact[kind].slice(0, NAMED_AT_MOST).map(communeName)).join(", ");
    const until = incident.until === null ? "" : ` ${say_.over(page.moment(incident.until))}`;
    const over = incident.until ?? page.now();
    const facts = [
      [say_.cause, causeOf(incident)],
      [say_.clues, incident.clues.slice(0, CLUES_AT_MOST).map((clue) => clue[words().code]).join("; ")],
      [say_.since, `${page.moment(incident.since)}${until} (${page.lasting(over - incident.since)})`],
      [say_.hits, [...hitsOf(incident), hit].filter(Boolean).join(" · ")],
      [say_.down, incident.fell ? `${say_.downOf(incident.down, incident.fell)}${named ? `: ${named}${rest}` : ""}` : ""],
      [say_.who, whoOf(incident) || words().nobody],
    ].filter(([, value]) => value).map(([label, value]) => ({ label, value }));
    const line = () => make("div", "", make("dt"), make("dd"));
    keyed(book.querySelector("dl"), facts, ({ label }) => label, line, (node, { label, value }) => {
      say(node.firstChild, label);
      say(node.lastChild, value);
    });
    showLinks(incident.links);
    showEntries(entries);
    showForm(incident);
  }

  function showLinks(links) {
    const [heading, list] = book.querySelector(".circuits").children;
    book.querySelector(".circuits").hidden = !links.length;
    say(heading, words().book.links);
    const create = () => make("li", "", make("b"), make("span"));
    keyed(list, links, ({ link }) => link, create, (node, link) => {
      const kind = words().link[link.kind] ?? link.kind;
      say(node.firstChild, link.circuit || words().book.noCircuit);
      const parts = [link.operator.toUpperCase(), link.hotline && words().book.hotline(link.hotline), kind, communeName(link.commune)];
      say(node.lastChild, parts.filter(Boolean).join(" · "));
    });
  }

  function showEntries(entries) {
    const [heading, list] = book.querySelector(".entries").children;
    book.querySelector(".entries").hidden = !entries.length;
    say(heading, words().book.entries);
    const numbered = entries.map((entry, n) => ({ ...entry, n })).reverse();
    const create = () => make("li", "", make("time"), make("b"), make("span"));
    keyed(list, numbered, ({ n }) => n, create, (node, { at, author, note, verb, text, part_of: whole }) => {
      say(node.children[0], page.moment(at));
      say(node.children[1], note ? `${note} (${author})` : author);
      const said = verb === "cause" ? causeText(text) : author === "netmon" ? inLanguage(text) : text;
      say(node.children[2], [words().verb[whole ? "merged" : verb] ?? verb, said].filter(Boolean).join(": "));
    });
  }

  // netmon writes both languages into one line.
  function inLanguage(text) {
    const [vi, en, ...rest] = text.split(" / ");
    return en === undefined || rest.length ? text : { vi, en }[words().code];
  }

  function causeText(text) {
    const [cause, ...reason] = text.split(":");
    return [words().cause[cause] ?? cause, ...reason].join(":");
  }

  // --- what is done -------------------------------------------------------------------------------------------------

  function showForm(incident) {
    const form = book.querySelector("form");
    form.hidden = !purse.get();
    const hint = book.querySelector(".read-only");
    hint.hidden = Boolean(purse.get());
    say(hint, words().book.readOnly);
    say(form.querySelector("label span"), words().book.text);
    fillCauses(form.querySelector("select"));
    mark(form.querySelector("select"), "aria-label", words().book.chosen);
    const text = form.querySelector("textarea").value.trim();
    const closed = incident.closed !== null;
    const idle = {
      acknowledge: closed || Boolean(incident.acknowledged),
      assign: closed,
      close: closed || incident.down > 0,
      reopen: !closed,
    };
    for (const button of form.querySelectorAll("[data-deed]")) {
      const { deed } = button.dataset;
      say(button, words().deed[deed]);
      button.disabled = busy || Boolean(idle[deed]) || (NEEDS_TEXT.includes(deed) && !text);
    }
    form.querySelector("[data-deed=reopen]").hidden = !closed;
    form.querySelector("[data-deed=close]").hidden = closed;
  }

  function fillCauses(select) {
    keyed(select, CAUSES, (cause) => cause, (cause) => Object.assign(make("option"), { value: cause }), (node, cause) => {
      say(node, words().cause[cause]);
    });
  }

  // What netmon answers, or null where it was not done: `said` tells why.
  async function post(path, body, said) {
    try {
      const answer = await fetch(path, {
        method: "POST",
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${purse.get()}` },
        body: JSON.stringify(body),
        cache: "no-store",
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      const told = page.parse(await answer.text());
      if (answer.ok) return told;
      if (answer.status === 401) purse.drop();
      say(said, `${words().refused[answer.status] ?? words().refused.other}: ${told.error}`);
    } catch (error) {
      say(said, words().refused.other);
      console.warn(error);
    }
    showKeys();
    return null;
  }

  async function act(deed) {
    const box = book.querySelector("textarea");
    const text = box.value.trim();
    const cause = book.querySelector("select").value;
    const { incident } = opened;
    const body = { action: deed, text: deed === "cause" ? [cause, text].filter(Boolean).join(": ") : text };
    busy = true;
    showForm(incident);
    const done = await post(`${PATH}/${encodeURIComponent(incident.id)}`, body, book.querySelector(".said"));
    busy = false;
    if (opened?.incident.id !== incident.id) return;
    if (done) {
      opened = { ...opened, ...done };
      box.value = "";
      tell(words().book.done);
      page.refresh();
      setTimeout(() => opened?.incident.id === incident.id && look(), WRITTEN_AFTER_MS);
    }
    showBook();
  }

  function tell(text) {
    say(book.querySelector(".said"), text);
  }

  for (const button of book.querySelectorAll("[data-deed]")) button.addEventListener("click", () => act(button.dataset.deed));
  book.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  book.querySelector("textarea").addEventListener("input", () => showForm(opened.incident));
  book.addEventListener("close", () => { opened = null; });

  // --- by hand, and the token ---------------------------------------------------------------------------------------

  function showKeys() {
    const may = page.facts().incidents !== undefined;
    get("key").hidden = !may;
    get("opening").hidden = !may || !purse.get();
    say(get("key"), purse.get() ? words().token.forget : words().token.enter);
    say(get("opening"), words().deed.open);
  }

  function dress(dialog, heading, labels, submit) {
    say(dialog.querySelector("h2"), heading);
    say(dialog.querySelector(".leave"), words().book.close);
    labels.forEach((label, n) => say(dialog.querySelectorAll("label span")[n], label));
    say(dialog.querySelector("form .deeds button"), submit);
    dialog.showModal();
    dialog.querySelector("input").focus();
  }

  get("key").addEventListener("click", () => {
    if (!purse.get()) return dress(asking, words().token.enter, [words().token.label], words().token.use);
    purse.drop();
    return showKeys();
  });
  asking.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const box = asking.querySelector("input");
    purse.set(box.value.trim());
    box.value = "";
    asking.close();
    showKeys();
  });
  asking.addEventListener("close", () => { asking.querySelector("input").value = ""; });

  get("opening").addEventListener("click", () => {
    fillCauses(byHand.querySelector("select"));
    byHand.querySelector("select").value = "unknown";
    say(byHand.querySelector(".said"), "");
    dress(byHand, words().opening.title, [words().opening.on, words().book.cause, words().opening.text], words().deed.open);
  });
  byHand.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const { on, cause, text } = Object.fromEntries(new FormData(event.target));
    const done = await post(PATH, { on: on.trim(), cause, text }, byHand.querySelector(".said"));
    if (!done) return;
    event.target.reset();
    byHand.close();
    await page.refresh();
  });
  for (const dialog of [book, byHand, asking]) dialog.querySelector(".leave").addEventListener("click", () => dialog.close());

  // Everything, for paper.
  function unfold() {
    if (!panel.hidden) showRows(panel.children[1].children.length);
  }

  return { show, tick, heights, keep, open, unfold };
}
