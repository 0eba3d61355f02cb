/* Times calls fairly, as fbnet/costs/timing.py does, with a clock that may be coarse. */

const BURST_MS = 20;  // least time of a burst: runs of one model in a row, one sample
const PART_MS = 1, TICKS = 40;  // least time of its parts, which are timed, also in steps of the clock
const WARM_UP_MS = 30;  // of each model before the clock counts
const CHECK_EVERY = 5;  // rounds between looks at the confidence intervals

/** The smallest step of the clock that was seen, in ms. */
export function clockStep() {
  let least = Infinity;
  for (let seen = 0; seen < 10; seen++) {
    const start = performance.now();
    let now = start;
    while (now === start) now = performance.now();
    least = Math.min(least, now - start);
  }
  return least;
}

/** Time every call, in turn and again, so that a drift of the device meets all alike.

calls: {name: async () => ...}. Stops after `rounds` once every median's confidence interval is
within `ci` (a share), or after `seconds`, warm-up included; one round is always done. progress:
called with {share, round, seconds, widest} after each model. Returns {name: timing}. A sample is
the median of a burst's parts, so that what interrupts one of them does not count. */
export async function measure(calls, {rounds, ci, seconds}, progress) {
  const start = performance.now(), names = Object.keys(calls);
  const elapsed = () => (performance.now() - start) / 1000;
  const part = Math.max(PART_MS, TICKS * clockStep());
  const fastest = {}, samples = {};  // of one run in ms; of each round
  for (const [i, name] of names.entries()) {
    fastest[name] = await warmedUp(calls[name]);
    samples[name] = [];
    progress({share: i / names.length, round: 0, seconds: elapsed(), widest: null});
  }
  let round = 0, widest = Infinity;
  while (round === 0 || (elapsed() < seconds && !(round >= rounds && widest <= ci))) {
    for (const [i, name] of names.entries()) {
      if (round > 0 && elapsed() >= seconds) break;
      const runs = Math.ceil(part / fastest[name]);
      const sample = await burstMs(calls[name], runs, Math.ceil(BURST_MS / (runs * fastest[name])));
      samples[name].push(sample);
      fastest[name] = Math.min(fastest[name], sample);
      progress({share: (i + 1) / names.length, round, seconds: elapsed(), widest: round ? widest : null});
    }
    round++;
    if (round % CHECK_EVERY === 0) widest = Math.max(...names.map((name) => medianCi(samples[name])));
  }
  return Object.fromEntries(names.map((name) => [name, timing(samples[name])]));
}

/* Run a call for a while; returns what one run takes, in ms. */
async function warmedUp(call) {
  const start = performance.now();
  let runs = 0, last = start, now = start;
  while (now - start < WARM_UP_MS || runs < 3) {
    await call();
    runs++;
    [last, now] = [now, performance.now()];
  }
  return runs > 3 ? (now - start) / runs : now - last;
}

async function burstMs(call, runs, parts) {
  await call();  // brings code and weights back into the caches after the other models' turns
  const took = [];
  for (let part = 0; part < parts; part++) {
    const start = performance.now();
    for (let run = 0; run < runs; run++) await call();
    took.push((performance.now() - start) / runs);
  }
  return median(took);
}

/** Samples in ms as the columns of a kit's results. */
export function timing(samples) {
  const mean = samples.reduce((a, b) => a + b) / samples.length;
  return {
    n: samples.length,
    min: Math.min(...samples),
    median: median(samples),
    mean,
    std: Math.sqrt(samples.reduce((sum, value) => sum + (value - mean) ** 2, 0) / samples.length),
    ci: medianCi(samples),
  };
}

export function median(values) {
  const ordered = [...values].sort((a, b) => a - b), middle = ordered.length >> 1;
  return ordered.length % 2 ? ordered[middle] : (ordered[middle - 1] + ordered[middle]) / 2;
}

const FEWEST = 6;  // samples from which on an interval holds the median with 95 %

/* Half width of the median's 95 % interval by its share: order statistics around the middle; 1 for
   fewer than FEWEST samples, which say nothing of it. */
function medianCi(samples) {
  if (samples.length < FEWEST) return 1;
  const ordered = [...samples].sort((a, b) => a - b), n = ordered.length;
  const reach = Math.ceil(0.98 * Math.sqrt(n)), middle = n >> 1;
  const low = ordered[Math.max(0, middle - reach)], high = ordered[Math.min(n - 1, middle + reach)];
  return (high - low) / 2 / median(samples);
}
