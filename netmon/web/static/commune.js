// The page of a commune: what its People's Committee hangs on, whether that holds, why not, and whether it is enough.

import { keyed, make, mark, say } from "./dom.js";
import { fillStrip, makeStrip, unwatched } from "./spark.js";

const MONTH_S = 30 * 86_400;
const SPEAKS = ["up", "suspect"]; // what a device says in these states, it says now
const WORST_FIRST = ["down", "unreachable", "suspect", "unknown", "up"]; // states of devices

export function communePage(page, kit) {
  const { panel, sinceText, shareText, fillState, fillReason, fillLinks, fillIncidents, fillOutages } = kit;
  const own = () => page.own();
  const title = make("h2");
  const state = make("p", "status", make("span", "state"), make("span", "when"));
  const head = make("div", "title", title, state, make("p", "why"), make("p", "about"));
  const strip = makeStrip();
  const service = panel("service", strip);
  const links = kit.makeLinks();
  const incidents = kit.makeIncidents();
  const power = panel("power", make("p", "calm"), make("ul"));
  const sites = panel("devices", make("ul"));
  const targets = panel("targets", make("p", "calm"), make("ul"));
  const outages = kit.makeOutages();
  const [wide, narrow] = [make("div", "wide", links, targets), make("div", "narrow", incidents, power, sites)];
  const root = make("div", "unit", head, service, wide, narrow, outages);

  function fill(told) {
    fillHead(told);
    say(service.firstChild, own().parts.service);
    const spans = { title: own().parts.service, from: told.time - MONTH_S, to: told.time, spans: told.history.service };
    const stateWord = (each) => page.words().state[each] ?? own().strip[each] ?? each;
    fillStrip(strip, spans, {
      words: own(), state: stateWord, moment: page.moment, lasting: page.lasting, ratio: shareText,
    });
    fillLinks(links, told.links, told.history);
    fillIncidents(incidents, told);
    fillPower(told);
    fillSites(told);
    fillTargets(told);
    fillOutages(outages, told.outages, told.site ? unwatched(spans) : 0);
  }

  function fillHead(told) {
    const words = page.words();
    const province = page.facts().provinces?.find(({ code }) => code === told.province);
    say(title, told[words.name] ?? told.name);
    const known = told.state ?? "none";
    fillState(state.children[0], known, words.state[known] ?? known);
    say(state.children[1], sinceText(told.since));
    const lost = told.links.filter((link) => link.state === "down");
    const cause = told.links.find((link) => link.state !== "up" && link.cause)?.cause;
    const reasons = [
      lost.length && own().why.links(page.linkNames(lost)),
      cause && own().why.because(cause),
      told.incidents.length && words.cause[told.incidents[0].cause],
    ];
    say(head.children[2], known === "up" ? "" : reasons.filter(Boolean).join(" · "));
    const about = [
      own().kind[told.kind] ?? told.kind,
      own().code(told.code),
      province?.[words.name],
      (told.verdict || !told.out_of_scope) && `${words.target}: ${words.standing[told.verdict] ?? words.pending}`,
      told.out_of_scope && `${words.excluded}: ${told.out_of_scope}`,
    ];
    say(head.children[3], about.filter(Boolean).join(" · "));
  }

  // --- power --------------------------------------------------------------------------------------------------------

  function fillPower({ sites: told, devices }) {
    const [heading, calm, list] = power.children;
    const drained = told.filter((site) => site.on_battery);
    const speaking = new Set(devices.filter(({ state: each }) => SPEAKS.includes(each)).map(({ site }) => site));
    const silent = told.filter((site) => !site.on_battery && !speaking.has(site.site)).length;
    const rest = drained.length ? 0 : told.length - silent;
    say(heading, own().parts.power);
    const said = [silent && own().power.unsure(silent, told.length), rest && own().power.sites(rest, silent > 0)];
    say(calm, told.length ? said.filter(Boolean).join(". ") : page.words().state.none);
    const create = () => make("li", "", make("span", "state"), make("span", "when"), make("span", "about"));
    keyed(list, drained, ({ site }) => site, create, (row, site) => {
      const [state, when, until] = row.children;
      const battery = own().power.battery(siteName(site));
      fillState(state, "battery", site.last_known ? `${battery} (${page.words().lastKnown})` : battery);
      say(when, sinceText(site.on_battery));
      say(until, untilDark(site.dark));
    });
  }

  function untilDark(dark) {
    const bounds = ["earliest", "likely", "latest"].filter((bound) => dark?.[bound]);
    if (!bounds.length) return own().power.noEstimate;
    const instants = bounds.map((bound) => `${own().power[bound]} ${page.moment(dark[bound])}`).join(", ");
    const left = (dark.likely ?? dark.earliest ?? dark.latest) - page.now();
    const rest = left > 0 ? own().power.left(page.lasting(left)) : own().power.gone;
    return `${own().power.until}: ${instants} (${rest})`;
  }

  // --- sites and devices --------------------------------------------------------------------------------------------

  const siteName = ({ name, site }) => name || site;

  // A site without links has no service: there its devices speak.
  function stateOf({ site, service, since }, devices, links) {
    if (links.some((link) => link.site === site) || !devices.length) {
      const state = service ?? "unknown";
      return { state, since, word: page.words().state[state] ?? state };
    }
    const state = WORST_FIRST.find((each) => devices.some((device) => device.state === each)) ?? "unknown";
    const began = devices.filter((device) => device.state === state && device.since).map((device) => device.since);
    return { state, since: began.length ? Math.min(...began) : null, word: own().device[state] };
  }

  function fillSites({ sites: told, devices, links: all }) {
    const [heading, list] = sites.children;
    say(heading, own().parts.devices);
    const create = ({ site }) => {
      const top = make("div", "top", make("span", "state"), make("b"), make("span", "about"));
      const row = make("li", "site", top, make("ul"));
      row.tabIndex = -1;
      row.dataset.site = site;
      return row;
    };
    keyed(list, told, ({ site }) => site, create, (row, site) => {
      const [top, inside] = row.children;
      const here = devices.filter((device) => device.site === site.site);
      const { state: each, since: began, word } = stateOf(site, here, all);
      fillState(top.children[0], each, word);
      say(top.children[1], siteName(site));
      const since = each === "up" ? "" : sinceText(began);
      say(top.children[2], [own().site[site.kind] ?? site.kind, since].filter(Boolean).join(" · "));
      fillDevices(inside, here);
    });
  }

  function fillDevices(list, devices) {
    const create = ({ device }) => {
      const link = make("a");
      mark(link, "href", `#/device/${encodeURIComponent(device)}`);
      return make("li", "", make("span", "state"), link, make("span", "about"), make("span", "about why"));
    };
    keyed(list, devices, ({ device }) => device, create, (row, device) => {
      const [state, name, about, why] = row.children;
      fillState(state, device.state, own().device[device.state] ?? device.state);
      say(name, device.device);
      const since = device.state === "up" ? "" : sinceText(device.since);
      say(about, [device.speaks?.toUpperCase(), since].filter(Boolean).join(" · "));
      fillReason(why, device);
    });
  }

  // --- targets ------------------------------------------------------------------------------------------------------

  const explained = new Map(); // target -> { key, lines | null, failed } of those that are asked for

  function fillTargets({ targets: told, code }) {
    const [heading, calm, list] = targets.children;
    say(heading, own().parts.targets);
    say(calm, told.length ? "" : own().noTargets);
    const create = ({ target }) => {
      const why = make("button", "why");
      why.type = "button";
      mark(why, "aria-expanded", "false");
      const words = make("div", "words");
      words.hidden = true;
      words.id = `words-${target}`;
      mark(why, "aria-controls", words.id);
      mark(words, "aria-live", "polite");
      const facts = make("p", "facts", make("span"), make("span"), make("span"));
      const row = make("li", "judged", make("p", "head", make("b", "standing"), make("span", "name"), why), facts, words);
      why.addEventListener("click", () => {
        if (explained.has(target)) explained.delete(target);
        else explained.set(target, { key: "", lines: null, failed: false });
        fillTargets(shownTargets);
      });
      return row;
    };
    shownTargets = { targets: told, code };
    keyed(list, told, ({ target }) => target, create, (row, each) => {
      const [{ children: [standing, name, why] }, facts, words] = row.children;
      mark(standing, "class", `standing ${each.standing}`);
      say(standing, page.words().standing[each.standing] ?? each.standing);
      say(name, each[own().title]);
      say(why, own().why_verdict);
      mark(why, "aria-label", own().why_of(each[own().title]));
      mark(why, "aria-expanded", String(explained.has(each.target)));
      const against = (value) => page.quantity.judged(each.rule, value, each.limit);
      say(facts.children[0], each.value === null ? "" : `${own().value} ${against(each.value)}`);
      say(facts.children[1], each.limit === null ? "" : `${own().limit} ${against(each.limit)}`);
      const [start, end] = each.window;
      const window = `${page.day(start)} – ${page.day(end - 1)}, ${each.final ? own().final : own().open}`;
      const coverage = each.coverage === null ? "" : `${own().coverage} ${page.quantity.ratio(each.coverage)}`;
      say(facts.children[2], [coverage, window].filter(Boolean).join(" · "));
      words.hidden = !explained.has(each.target);
      if (!words.hidden) fillWords(words, each, code);
    });
  }

  let shownTargets = null;

  // In words, as netmon itself explains it; asked for when somebody wants it, and again when the verdict is another.
  function fillWords(node, verdict, code) {
    const entry = explained.get(verdict.target);
    const key = JSON.stringify([page.language(), verdict]);
    if (entry.key !== key) {
      explained.set(verdict.target, { ...entry, key, failed: false });
      explain(node, verdict.target, code, key);
    }
    const { lines, failed } = explained.get(verdict.target);
    const said = lines ?? [failed ? own().unexplained : own().explaining];
    const numbered = (said.length ? said : [own().noWords]).map((line, n) => ({ line, n }));
    keyed(node, numbered, ({ n }) => n, () => make("p"), (each, { line }) => say(each, line));
  }

  async function explain(node, target, code, key) {
    const path = `api/v1/verdicts/${encodeURIComponent(target)}/${encodeURIComponent(code)}?lang=${page.language()}`;
    let found = { key, lines: null, failed: true };
    try {
      found = { key, lines: (await page.ask(path)).words, failed: false };
    } catch (error) {
      console.warn(error); // said in place
    }
    if (explained.get(target)?.key !== key) return;
    explained.set(target, found);
    if (node.isConnected) fillTargets(shownTargets);
  }

  // The site of a shared address, in view.
  function seek(site) {
    const row = [...sites.querySelectorAll("[data-site]")].find((each) => each.dataset.site === site);
    row?.scrollIntoView({ block: "center" });
    row?.focus({ preventScroll: true });
  }

  return { root, fill, seek };
}
