// Values of the catalogue's units as people read them: 5.65e6 B/s are 45,2 Mbit/s. Numbers are written as the language does.

const STEPS = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
const COULOMBS_IN_AH = 3600;
const UNITS = { capacity: "B/s", latency: "s", redundancy: "", backup_drill: "s", optical_margin: "dB" };

// `page` says how the page says things: { number, lasting, percent, moment }. `family` tells of values without a unit what
// they are, by its end: a ratio, an instant.
export function quantities(page) {
  function number(value) {
    const size = Math.abs(value);
    const digits = size >= 1000 || Number.isInteger(value) ? 0 : size >= 100 ? 1 : size >= 0.1 || size === 0 ? 2 : 4;
    return page.number(value, digits);
  }

  function prefixed(value, unit) {
    const [scale, prefix] = STEPS.find(([step]) => Math.abs(value) >= step * 0.9995) ?? [1, ""];
    return `${short(value / scale)}\u00a0${prefix}${unit}`;
  }

  // Three digits are what a glance takes in.
  function short(value) {
    const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
    return page.number(Number(value.toPrecision(3)), Math.min(digits, 20));
  }

  function duration(value) {
    const size = Math.abs(value);
    if (size < 1) return `${short(value * 1000)}\u00a0ms`;
    return size < 60 ? `${short(value)}\u00a0s` : page.lasting(value);
  }

  function say(value, unit, family = "") {
    if (value === null || value === undefined) return "–";
    if (family.endsWith("_timestamp_seconds")) return page.moment(value);
    if (family.endsWith("_ratio")) return ratio(value);
    switch (unit) {
      case "B/s":
        return prefixed(8 * value, "bit/s");
      case "B":
        return prefixed(value, "B");
      case "Hz":
        return prefixed(value, "Hz");
      case "s":
        return duration(value);
      case "m":
        return Math.abs(value) < 1000 ? `${number(value)}\u00a0m` : `${number(value / 1000)}\u00a0km`;
      case "C":
        return `${number(value / COULOMBS_IN_AH)}\u00a0Ah`;
      default:
        return unit ? `${number(value)}\u00a0${unit}` : number(value);
    }
  }

  function ratio(value) {
    return `${page.number(100 * value)}\u00a0%`;
  }

  // What a target's rule judges, a ratio unless it says otherwise; told from the limit that it is held against.
  function judged(rule, value, limit) {
    return rule in UNITS ? say(value, UNITS[rule]) : page.percent(value, limit);
  }

  return { say, ratio, judged, rate: (value) => say(value, "B/s") };
}
