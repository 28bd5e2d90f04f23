// From the counts that the server has had since its start to numbers of the last minute.

const WINDOW = 60_000;

/** The states that were read in the last minute. */
const seen = [];

/** All calls together. */
function sum(state) {
  const total = { count: 0, errors: 0, seconds: 0, buckets: state.bounds.map(() => 0) };
  for (const calls of state.calls) {
    total.count += calls.count;
    total.errors += calls.errors;
    total.seconds += calls.seconds;
    calls.buckets.forEach((count, at) => {
      total.buckets[at] += count;
    });
  }
  return total;
}

const less = (now, then) => ({
  count: now.count - then.count,
  errors: now.errors - then.errors,
  seconds: now.seconds - then.seconds,
  buckets: now.buckets.map((count, at) => count - then.buckets[at]),
});

/** The time within which a part of the calls had ended, evenly spread within each bucket. */
export function percentile(bounds, calls, part) {
  const wanted = calls.count * part;
  let below = 0;
  let from = 0;
  for (let at = 0; at < bounds.length; at += 1) {
    const count = calls.buckets[at];
    if (count >= wanted && count > below) {
      return from + ((bounds[at] - from) * (wanted - below)) / (count - below);
    }
    below = count;
    from = bounds[at];
  }
  return bounds.at(-1);
}

/** What there is to show of the calls: of the last minute if there were any, else of all. */
export function ofCalls(state, now) {
  const total = sum(state);
  // A server that has started again counts from zero.
  if (seen.length > 0 && total.count < seen.at(-1).total.count) {
    seen.length = 0;
  }
  seen.push({ at: now, total });
  while (now - seen[0].at > WINDOW) {
    seen.shift();
  }
  const first = seen[0];
  const recent = less(total, first.total);
  const hasRecent = recent.count > 0;
  const shown = hasRecent ? recent : total;
  const seconds = (now - first.at) / 1000;
  return {
    count: total.count,
    errors: total.errors,
    rate: seconds > 0 ? recent.count / seconds : undefined,
    span: hasRecent ? `Times of the last ${Math.round(seconds)} s` : 'Times since the start',
    mean: shown.count > 0 ? shown.seconds / shown.count : undefined,
    median: shown.count > 0 ? percentile(state.bounds, shown, 0.5) : undefined,
    most: shown.count > 0 ? percentile(state.bounds, shown, 0.99) : undefined,
  };
}

/** The points of a line: calls a second over the last minute, in a box of 120 by 24. */
export function points(now) {
  const rates = seen.slice(1).map((one, at) => {
    const before = seen[at];
    const time = (one.at - before.at) / 1000;
    return { at: one.at, rate: time > 0 ? (one.total.count - before.total.count) / time : 0 };
  });
  const top = Math.max(1, ...rates.map((one) => one.rate));
  const place = ({ at, rate }) => {
    const x = 120 - ((now - at) / WINDOW) * 120;
    return `${x.toFixed(1)},${(23 - (rate / top) * 22).toFixed(1)}`;
  };
  return rates.map(place).join(' ');
}

/** A number with at most three digits that matter. */
export function short(number) {
  if (number === undefined) {
    return '–';
  }
  return number >= 1000 ? Math.round(number).toLocaleString('en') : String(+number.toPrecision(3));
}

/** A time, of seconds. */
export function time(seconds) {
  if (seconds === undefined) {
    return '–';
  }
  if (seconds < 1e-3) {
    return `${short(seconds * 1e6)} µs`;
  }
  return seconds < 1 ? `${short(seconds * 1e3)} ms` : `${short(seconds)} s`;
}

/** A long time, of seconds. */
export function span(seconds) {
  const units = [['d', 86_400], ['h', 3600], ['min', 60], ['s', 1]];
  const at = units.findIndex(([, size]) => seconds >= size);
  const [name, size] = units[at < 0 ? 3 : at];
  const whole = Math.floor(seconds / size);
  const next = units[at + 1];
  const rest = at >= 0 && next ? Math.floor((seconds % size) / next[1]) : 0;
  return rest > 0 ? `${whole} ${name} ${rest} ${next[0]}` : `${whole} ${name}`;
}
