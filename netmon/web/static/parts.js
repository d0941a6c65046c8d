// What the pages of communes and devices have in common: panels, links with their traffic, outages, incidents.

import { glyph, keyed, make, mark, say } from "./dom.js";
import { fillSpark, makeSpark } from "./spark.js";

const LIMIT = 0.9; // of the contracted capacity (Circular 06/2026/TT-BKHCN)
const SLOT_S = 300;
const LINKS_FIRST = 6; // that a page shows before it is asked for the rest
const OUTAGES_FIRST = 10;
const PAGES = ["commune", "site", "device"]; // subjects that have a page

// `page` is how the page says things: what the wallboard gives (see wallboard.js), own() the words of words-pages.js, and
// quantity as in quantity.js.
export function parts(page) {
  const { quantity } = page;
  const own = () => page.own();

  function panel(kind, ...children) {
    const heading = make("h3");
    heading.id = `page-${kind}`;
    const node = make("section", `panel of-${kind}`, heading, ...children);
    mark(node, "aria-labelledby", heading.id);
    return node;
  }

  function sinceText(since) {
    return since ? own().since(page.moment(since), page.lasting(Math.max(0, page.now() - since))) : "";
  }

  // A state by shape and word; the shape is made anew only when the state is another.
  function fillState(node, state, word) {
    if (node.dataset.state !== state) {
      node.dataset.state = state;
      node.replaceChildren(glyph(state), make("span"));
    }
    say(node.lastChild, word);
  }

  // Why a device is not all well. The sentence of its last poll, which is English, is left to the pointer.
  function fillReason(node, device) {
    say(node, reasonOf(device));
    mark(node, "title", device.detail ?? "");
  }

  function reasonOf({ state, cause, detail, outcome, speaks }) {
    const failed = outcome && outcome !== "answered" ? own().outcome[outcome] ?? outcome : "";
    if (state === "up") return failed || (detail ? own().why.faulty : "");
    if (cause) return own().why.because(cause);
    if (state === "unreachable") return page.words().upstream;
    if (state !== "unknown") return own().why.silent;
    const { self_isolated: alone, lost = [] } = page.facts();
    if (alone) return own().why.alone;
    return speaks === "mqtt" && lost.includes("mqtt") ? own().why.broker : failed || own().why.noNews;
  }

  // Of a link `detail` tells only that it has no witness, or one that its device does not have.
  function linkReason({ state, cause, detail, near, far }) {
    const lacks = detail && (near || far ? own().why.noPort : own().why.noWitness);
    const alone = state === "unknown" && page.facts().self_isolated && own().why.alone;
    return [cause && own().why.because(cause), lacks, alone].filter(Boolean).join(" · ");
  }

  // Where a link says "device interface", the device's page is one step away.
  function fillEnd(node, label, told) {
    const [device, ...port] = (told ?? "").split(" ");
    node.hidden = !device;
    if (!device) return;
    say(node.children[0], `${label} `);
    mark(node.children[1], "href", `#/device/${encodeURIComponent(device)}`);
    say(node.children[1], device);
    say(node.children[2], port.length ? ` ${port.join(" ")}` : "");
  }

  // A button that shows all of a long list, whose other rows are made only then. What is open stays open.
  function makeMore() {
    const more = make("button", "more");
    more.type = "button";
    more.addEventListener("click", () => {
      more.dataset.open = "yes";
      page.again();
    });
    return more;
  }

  // The rows that are shown of a list.
  function folded(rows, more, first) {
    const left = more.dataset.open ? 0 : Math.max(0, rows.length - first);
    more.hidden = !left;
    say(more, left ? own().and(left) : "");
    return left ? rows.slice(0, first) : rows;
  }

  const makeEnd = () => make("span", "end", make("span"), make("a"), make("span"));

  // --- links --------------------------------------------------------------------------------------------------------

  function makeLink() {
    const head = make("p", "head", make("span", "state"), make("b"), make("span", "when"));
    const ends = make("p", "ends", makeEnd(), makeEnd());
    const charts = make("div", "charts", makeSpark(), makeSpark());
    return make("article", "link", head, make("p", "about"), make("p", "why"), ends, charts);
  }

  function fillLink(node, link, history) {
    const [head, about, why, ends, charts] = node.children;
    fillState(head.children[0], link.state, own().link[link.state] ?? link.state);
    say(head.children[1], [page.words().link[link.kind] ?? link.kind, link.operator.toUpperCase()].filter(Boolean).join(" "));
    say(head.children[2], sinceText(link.since));
    const told = [
      own().role[link.role] ?? link.role,
      link.circuit ? own().circuit(link.circuit) : own().noCircuit,
      link.network,
      link.upstream_site && own().towards(link.upstream_site),
      capacityText(link.capacity),
    ];
    say(about, [link.link, ...told].filter(Boolean).join(" · "));
    say(why, linkReason(link));
    mark(why, "title", link.detail ?? "");
    fillEnd(ends.children[0], own().near, link.near);
    fillEnd(ends.children[1], own().far, link.far);
    charts.hidden = !history.links?.[link.link]; // of many links only the first bring their past
    ["receive", "transmit"].forEach((way, n) => fillTraffic(charts.children[n], link, way, history));
  }

  function capacityText(capacity) {
    if (!capacity) return own().noCapacity;
    const [receive, transmit] = [capacity.receive, capacity.transmit].map((value) => quantity.rate(value));
    return own().capacity(receive === transmit ? receive : own().ways(receive, transmit));
  }

  function fillTraffic(node, link, way, history) {
    const capacity = link.capacity?.[way] ?? null;
    const rate = link.rate?.[way] ?? null;
    const share = capacity && rate !== null ? own().ofCapacity(quantity.ratio(rate / capacity)) : "";
    const age = ageText(link.rate?.at, link.state === "down");
    const measured = [quantity.rate(rate), share && `(${share})`, age].filter(Boolean).join(" ");
    const said = rate === null ? own().spark.noNow : measured;
    const day = history.links?.[link.link] ?? {};
    const figures = {
      title: own()[way],
      from: day.from ?? history.from,
      step: day.step_s ?? SLOT_S,
      values: day[way] ?? [],
      latest: rate === null ? "" : [quantity.rate(rate), age].filter(Boolean).join(" "),
      limit: capacity === null ? null : LIMIT * capacity,
      limitSaid: capacity === null ? "" : `${quantity.ratio(LIMIT)}: ${quantity.rate(LIMIT * capacity)}`,
      top: capacity,
      zero: true,
    };
    fillSpark(node, figures, { words: own(), quantity: quantity.rate, moment: page.moment, now: said });
  }

  // How old a rate is that is not that of the slot which ended last.
  // What the last slot of a lost link still carried is no traffic of now: its age is always said.
  function ageText(at, lost) {
    const last = Math.floor(page.now() / SLOT_S) * SLOT_S;
    return at < last || (lost && at) ? own().ago(page.lasting(page.now() - at)) : "";
  }

  function makeLinks() {
    return panel("links", make("p", "calm"), make("div", "cards"), makeMore());
  }

  function fillLinks(node, links, history) {
    const [heading, calm, list, more] = node.children;
    say(heading, own().parts.links);
    say(calm, links.length ? "" : own().calm.links);
    const shown = folded(links, more, LINKS_FIRST);
    keyed(list, shown, ({ link }) => link, makeLink, (each, link) => fillLink(each, link, history));
  }

  // --- outages ------------------------------------------------------------------------------------------------------

  function makeOutages() {
    const head = make("tr", "", ...["start", "lasted", "what", "cause"].map(() => make("th")));
    return panel("outages", make("p", "calm"), make("table", "", make("thead", "", head), make("tbody")), makeMore());
  }

  // `unwatched`: seconds in which nobody could have seen one.
  function fillOutages(node, outages, unwatched) {
    const [heading, calm, table, more] = node.children;
    const [{ firstChild: head }, body] = table.children;
    say(heading, own().parts.outages);
    const blind = unwatched >= 60 && own().strip.blind(page.lasting(unwatched));
    say(calm, outages.length ? "" : [own().calm.outages, blind].filter(Boolean).join("; "));
    table.hidden = !outages.length;
    [own().start, own().lasted, own().what, own().cause].forEach((word, n) => say(head.children[n], word));
    const create = () => make("tr", "", make("td"), make("td"), make("td", "", make("span"), make("a")), make("td"));
    const keyOf = ({ subject_kind: kind, subject, start }) => `${kind} ${subject} ${start}`;
    keyed(body, folded(outages, more, OUTAGES_FIRST), keyOf, create, fillOutage);
  }

  function fillOutage(row, { subject_kind: kind, subject, start, end, cause, cause_class: found, incident }) {
    const [began, lasted, what, why] = row.children;
    row.classList.toggle("open", end === null);
    say(began, page.moment(start));
    say(lasted, page.lasting((end ?? page.now()) - start) + (end === null ? `, ${own().ongoing}` : ""));
    say(what.firstChild, `${own().subject[kind] ?? kind} ${PAGES.includes(kind) ? "" : subject}`);
    what.lastChild.hidden = !PAGES.includes(kind);
    mark(what.lastChild, "href", `#/${kind}/${encodeURIComponent(subject)}`);
    say(what.lastChild, subject);
    const word = found ? page.words().cause[found] ?? found : "";
    say(why, [word, cause, incident].filter(Boolean).join(" · ") || page.words().cause.unknown);
  }

  // --- incidents ----------------------------------------------------------------------------------------------------

  function makeIncidents() {
    return panel("incidents", make("p", "calm"), make("ul"));
  }

  // "None" is said only where everything is known.
  function noIncidents(devices) {
    const { self_isolated: alone, ready } = page.facts();
    if (!devices.length) return page.words().state.none;
    if (alone || !ready) return page.words().state.unknown;
    const unknown = devices.filter(({ state }) => state === "unknown").length;
    return unknown ? own().unsure(unknown) : own().calm.incidents;
  }

  function fillIncidents(node, { incidents, devices }) {
    const [heading, calm, list] = node.children;
    say(heading, own().parts.incidents);
    say(calm, incidents.length ? "" : noIncidents(devices));
    const known = new Set((page.facts().incidents ?? []).map(({ id }) => id)); // the wallboard may be a moment behind
    const create = ({ id }) => {
      const button = make("button", "open");
      button.type = "button";
      button.addEventListener("click", () => page.openIncident(id));
      return make("li", "", button, make("span", "about"));
    };
    keyed(list, incidents, ({ id }) => id, create, (row, incident) => {
      say(row.firstChild, `${page.words().cause[incident.cause] ?? incident.cause} · ${rootName(incident.root)}`);
      say(row.lastChild, sinceText(incident.since));
      row.firstChild.disabled = !known.has(incident.id);
    });
  }

  // Of a part of a whole: what is not all of it is never said to be.
  function shareText(ratio) {
    if (ratio > 0 && ratio < 0.0001) return `< ${page.percent(0.0001)}`;
    return ratio < 1 && ratio > 0.9999 ? `> ${page.percent(0.9999)}` : page.percent(ratio);
  }

  function rootName(root) {
    const unit = page.commune(root.kind === "commune" ? root.id : root.commune);
    const name = page.words().root[root.kind]?.(root.id) ?? (root.kind === "commune" ? "" : root.id);
    return [unit ? page.unitName(unit) : "", name].filter(Boolean).join(" · ") || root.id;
  }

  // --- words beside words -------------------------------------------------------------------------------------------

  // Rows of [label, ...values], a value being text or { href, text }; those without a value are left out.
  function fillTerms(list, rows) {
    const shown = rows.map(([label, ...values]) => ({ label, values: values.filter((value) => value?.text ?? value) }));
    const create = () => make("div", "", make("dt"), make("dd"));
    const some = shown.filter(({ values }) => values.length);
    keyed(list, some, ({ label }) => label, create, (node, { label, values }) => {
      say(node.firstChild, label);
      const spot = (value) => (value.href ? make("a") : make("span"));
      keyed(node.lastChild, values, (value) => `${value.href ?? ""} ${value.text ?? value}`, spot, (each, value) => {
        if (value.href) mark(each, "href", value.href);
        say(each, value.text ?? value);
      });
    });
  }

  return {
    panel, sinceText, shareText, fillState, fillReason, fillTerms, makeMore, folded,
    makeLinks, fillLinks, makeOutages, fillOutages, makeIncidents, fillIncidents,
  };
}
