// The facts as netmon sends them: the whole board at first, then what changed of it. Nothing here knows what they mean.

const SILENT_AFTER_MS = 15_000; // netmon says that it is there every 5 s
const RETRY_MS = 5_000;
const UNSEEN_ORDER = /\p{Bidi_Control}/gu; // a name with these could make what stands beside it read otherwise

export function parse(text) {
  return JSON.parse(text, (key, value) => (typeof value === "string" ? value.replace(UNSEEN_ORDER, "") : value));
}

// A copy of `board` with each path's value put in its place; all that lies beside the paths is the same object as before.
export function changed(board, set) {
  const told = { ...board };
  const fresh = new Set([told]);
  for (const [path, value] of Object.entries(set)) {
    const steps = path.split("/");
    let place = told;
    for (const step of steps.slice(0, -1)) {
      if (!fresh.has(place[step])) {
        place[step] = Array.isArray(place[step]) ? [...place[step]] : { ...place[step] };
        fresh.add(place[step]);
      }
      place = place[step];
    }
    place[steps.at(-1)] = value;
  }
  return told;
}

// Follows `url`, and hands the board on whenever there is another: took(board, paths), where paths is null when all of it is
// new. `moved` is called when `state()` changed: "loading", "live", "broken" (it is being sought again), "silent" (it is
// open and says nothing) or "refused" (netmon gives no stream). A new netmon brings a new page, once nobody is `busy()`.
export function stream(url, { took, moved, busy }) {
  let source = null;
  let board = null;
  let state = "loading";
  let heard = performance.now(); // by the page's own clock, which no one sets
  let told = null; // { time, at }: netmon's clock, and the page's when it said so
  let again = 0;
  let outdated = false; // netmon is of another version than this page

  function become(next) {
    if (state === next) return;
    state = next;
    moved();
  }

  function alive(time) {
    heard = performance.now();
    told = { time, at: heard };
  }

  function take(next, paths) {
    const version = board?.version;
    board = next;
    alive(next.time);
    outdated ||= version !== undefined && version !== next.version;
    if (renewed()) return undefined;
    took(board, paths);
    return become("live");
  }

  function renewed() {
    if (!outdated || busy()) return false;
    location.reload();
    return true;
  }

  function heed(text) {
    const { time, revision, was, set } = parse(text);
    if (!board || (was !== board.revision && revision !== board.revision)) return open();
    if (revision === board.revision) return rest(time);
    return take({ ...changed(board, set), time, revision }, Object.keys(set));
  }

  function rest(time) {
    alive(time);
    if (board) become("live");
  }

  function open() {
    clearTimeout(again);
    source?.close();
    const mine = new EventSource(url);
    source = mine;
    const on = (event, work) => mine.addEventListener(event, ({ data }) => {
      if (mine !== source) return;
      try {
        work(data);
      } catch (error) {
        fail(); // what cannot be shown is old from now on
        throw error;
      }
    });
    on("wallboard", (data) => take(parse(data), null));
    on("changes", heed);
    on("alive", (data) => rest(parse(data).time));
    mine.addEventListener("error", () => {
      if (mine !== source) return;
      if (mine.readyState === EventSource.CLOSED) fail("refused");
      else become("broken");
    });
  }

  // The browser tries no more of itself.
  function fail(why = "broken") {
    source.close();
    clearTimeout(again);
    again = setTimeout(open, RETRY_MS);
    become(why);
  }

  function watch() {
    if (renewed()) return;
    if (performance.now() - heard < SILENT_AFTER_MS) return;
    heard = performance.now();
    if (source.readyState === EventSource.CLOSED) return; // it is opened anew soon
    become("silent");
    open(); // a connection that lost its other end never says so
  }

  open();
  return {
    anew: open,
    watch,
    state: () => state,
    // netmon's clock now; where it never spoke, the browser's.
    now: () => (told ? told.time + (performance.now() - told.at) / 1000 : Date.now() / 1000),
    heardAt: () => told?.time ?? null,
  };
}
