// How instants, spans, shares and places are said. Instants are Unix seconds and are read in Viet Nam's time.

const ZONE = "Asia/Ho_Chi_Minh";
const LAST = 8.64e12; // no instant beyond has a date
const NEVER = "–";

const isInstant = (unix) => Math.abs(unix) <= LAST;

// `page` is asked anew each time: { words, board, facts, now }.
export function speech({ words, board, facts, now }) {
  const formats = new Map(); // to make one takes a thousand times as long as to use it
  let counted = null; // the communes whose names were counted
  let namesakes = new Set(); // short names that several communes of the province have

  function format(kind, locale, options) {
    const key = `${locale} ${JSON.stringify(options)}`;
    if (!formats.has(key)) formats.set(key, new kind(locale, options));
    return formats.get(key);
  }

  function clock(unix, withSeconds = false) {
    if (!isInstant(unix)) return NEVER;
    const options = { timeZone: ZONE, hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    if (withSeconds) options.second = "2-digit";
    return format(Intl.DateTimeFormat, "en-GB", options).format(unix * 1000);
  }

  function day(unix, options = { day: "2-digit", month: "2-digit" }) {
    if (!isInstant(unix)) return NEVER;
    const locale = options.weekday ? words().locale : "en-GB"; // 22/11 in either language; vi-VN would make 22-11 of it
    return format(Intl.DateTimeFormat, locale, { timeZone: ZONE, ...options }).format(unix * 1000);
  }

  function moment(unix) {
    if (!isInstant(unix)) return NEVER;
    return day(unix) === day(now()) ? clock(unix) : `${clock(unix)} ${day(unix)}`;
  }

  function lasting(seconds) {
    const said = words().lasting;
    const minutes = Math.floor(seconds / 60);
    if (minutes < 1) return said.soon;
    if (minutes < 60) return said.minutes(minutes);
    const hours = Math.floor(minutes / 60);
    if (hours < 48) return said.hours(hours, String(minutes % 60).padStart(2, "0"));
    return said.days(Math.floor(hours / 24), hours % 24);
  }

  function number(value, maximumFractionDigits = 1) {
    return format(Intl.NumberFormat, words().locale, { maximumFractionDigits }).format(value);
  }

  // With as many digits as it takes to tell it from what it is held against: 99,496 % is no 99,5 %.
  function percent(ratio, against = ratio) {
    const text = (value, digits) => number(100 * value, digits);
    let digits = 2;
    while (digits < 8 && ratio !== against && text(ratio, digits) === text(against, digits)) digits += 1;
    return `${text(ratio, digits)}\u00a0%`;
  }

  // Of the province that is shown, else of any other.
  function commune(code) {
    const { provinces = [] } = facts();
    const here = provinces.length ? board() : null;
    for (const { communes } of here ? [here, ...provinces.filter((province) => province !== here)] : []) {
      const unit = communes.find((one) => one.code === code);
      if (unit) return unit;
    }
    return undefined;
  }

  const short = (unit) => words().short(unit[words().name]);

  function isNamesake(unit) {
    const { communes } = board();
    if (counted?.communes !== communes || counted.words !== words()) {
      const seen = new Set();
      namesakes = new Set();
      for (const name of communes.map(short)) (seen.has(name) ? namesakes : seen).add(name);
      counted = { communes, words: words() };
    }
    return namesakes.has(short(unit));
  }

  // Without diacritics and kind Lộc Thạnh and Lộc Thành are both "Loc Thanh": the code tells them apart.
  const codeOf = (unit) => (isNamesake(unit) ? ` (${unit.code})` : "");
  const unitName = (unit) => short(unit) + codeOf(unit);
  const fullName = (unit) => unit[words().name] + codeOf(unit);

  // A site is known by its commune, but for what serves the whole province.
  function placeName(place) {
    const unit = commune(place.commune);
    return unit && place.kind !== "provincial_centre" ? unitName(unit) : place.name;
  }

  function siteName(place) {
    return place.kind === "peoples_committee" || placeName(place) === place.name ? "" : place.name;
  }

  function linkNames(links) {
    const named = ({ kind, operator, circuit }) => [words().link[kind] ?? kind, operator.toUpperCase(), circuit];
    return links.map((link) => named(link).filter(Boolean).join(" ")).join("; ");
  }

  return { clock, day, moment, lasting, number, percent, commune, unitName, fullName, placeName, siteName, linkNames };
}
