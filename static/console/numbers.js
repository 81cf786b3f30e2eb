// Numbers as people read them.

export function fixed(value, digits = 2) {
  return value === null || value === undefined ? "–" : Number(value).toFixed(digits);
}

export function milliseconds(value) {
  return value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${Math.round(value)} ms`;
}

export function bytes(value) {
  return value >= 1 << 20 ? `${(value / (1 << 20)).toFixed(1)} MB` : `${Math.max(1, Math.round(value / 1024))} kB`;
}

export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

// A reply's time, as its Date header gives it, with the zone it is shown in.
export function moment(date) {
  return new Date(date).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "long" });
}

// A false match rate as "1 in 370,000".
export function oneIn(rate) {
  if (rate === null || rate === undefined) return "not calibrated";
  if (rate <= 0) return "below what was measured";
  const people = 1 / rate;
  const digits = 10 ** Math.max(0, Math.floor(Math.log10(people)) - 1);
  return `1 in ${(Math.round(people / digits) * digits).toLocaleString("en")}`;
}
