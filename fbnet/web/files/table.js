/* From the latencies of a kit's models to a table, as fbnet/costs/latency_model.py adds them up. */

/** {layers, fixed, checks, error} in ms; `kit` is that of site.json, times {name: timing}.

A block costs what its model takes less its neighbours alone; the fixed part is what the reference
nets take beyond their sums; `checks` are other nets, predicted and measured, and `error` is the
mean share by which the sums miss them. */
export function tableOf(kit, times) {
  const layers = kit.layers.map((blocks) => Object.fromEntries(
    Object.entries(blocks).map(([block, [model, before, after]]) =>
      [block, times[model].median - (times[before].median + times[after].median) / 2])));
  const sum = ({choice}) => choice.reduce((total, block, i) => total + layers[i][block], 0);
  const fixed = mean(kit.references.map((net) => times[net.model].median - sum(net)));
  const checks = kit.checks.map((net) => ({
    choice: net.choice,
    predicted: fixed + sum(net),
    measured: times[net.model].median,
  }));
  const error = mean(checks.map(({predicted, measured}) => Math.abs(predicted - measured) / measured));
  return {layers, fixed, checks, error};
}

function mean(values) {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

const FIGURES = ["n", "min", "median", "mean", "std", "ci"];

/** The CSV that `fbnet import` takes. facts: {engine, version, cpu, threads, kit, program}. */
export function csvOf(times, facts) {
  const cell = (value) => /[",\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value;
  const rows = Object.entries(times).map(([name, timing]) =>
    [name, ...FIGURES.map((figure) => timing[figure]), ...Object.values(facts)]);
  return [["name", ...FIGURES, ...Object.keys(facts)], ...rows]
    .map((row) => `${row.map(cell).join(",")}\n`).join("");
}
