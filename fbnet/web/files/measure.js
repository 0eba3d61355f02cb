/* The page of measurement. */

import {machine} from "./machine.js";
import {$, fill, save, say} from "./page.js";
import {remote} from "./remote.js";
import {csvOf, tableOf} from "./table.js";

const ROUNDS = 15, CI = 0.02;  // least rounds, and the interval at which it is enough
const WRONG = 0.1, VAGUE = 0.2;  // error on whole nets and interval of a median that are too much
const PROGRAM = "fbnet web";

let site, timer = null, csv = null;
let faults = [];  // of what was measured last, said as long as it is shown

/** Times the kit; resolves with its timings. */
async function run(threads, seconds, onProgress) {
  timer = remote("timer.js", onProgress);
  await timer("open", site.kit.models, threads);
  return timer("measure", {rounds: ROUNDS, ci: CI, seconds});
}

async function start() {
  const threads = Number($("threads").value), seconds = Number($("seconds").value);
  const {browser} = await machine();
  const count = Object.keys(site.kit.models).length;
  const begun = performance.now();
  let hidden = document.hidden;
  const noticed = () => { hidden ||= document.hidden; };
  const controls = ["start", "device", "threads", "seconds"].map($);
  $("stop").hidden = $("progress").hidden = false;
  $("stop").focus();
  controls.forEach((control) => { control.disabled = true; });
  $("results").hidden = true;
  document.addEventListener("visibilitychange", noticed);
  const awake = await navigator.wakeLock?.request("screen").catch(() => null);
  try {
    const times = await run(threads, seconds, (event) => shown(event, count, seconds));
    csv = csvOf(times, {
      engine: site.engine.name,
      version: `${site.engine.version} in ${browser}`,
      cpu: $("device").value.trim() || "a device",
      threads,
      kit: site.kit.id,
      program: PROGRAM,
    });
    conclude(times, (performance.now() - begun) / 1000, hidden);
  } catch (error) {
    say(error.message === "stopped" ? "Stopped." : `${error.message}`, error.message !== "stopped");
  } finally {
    document.removeEventListener("visibilitychange", noticed);
    awake?.release();
    timer?.end();
    timer = null;
    controls.forEach((control) => { control.disabled = false; });
    if ($("results").hidden) $("start").focus();
    $("stop").hidden = $("progress").hidden = true;
  }
}

function shown(event, count, limit) {
  if ("opened" in event) {
    $("progress").value = 0;
    return say(`Loading ${count} models: ${Math.round(100 * event.opened)} %`);
  }
  const {share, round, seconds, widest} = event;
  $("progress").value = Math.min(1, seconds / limit);
  const left = Math.max(0, Math.ceil(limit - seconds));
  if (round === 0) return say(`First round: ${Math.round(100 * share)} % of ${count} models; at most ${left} s left`);
  const known = widest === null || !Number.isFinite(widest) ? "" : `, medians known to ±${(100 * widest).toFixed(1)} %`;
  say(`Round ${round + 1} of at least ${ROUNDS}${known}; at most ${left} s left`);
}

function conclude(times, seconds, hidden) {
  const table = tableOf(site.kit, times);
  const timings = Object.values(times);
  const widest = Math.max(...timings.map(({ci}) => ci));
  const entries = table.layers.flatMap((blocks) => Object.values(blocks));
  fill($("figures"), {
    "whole nets predicted to": table.checks.length ? `${(100 * table.error).toFixed(1)} %` : "not checked",
    "medians known to": `±${(100 * widest).toFixed(1)} %`,
    "rounds": Math.min(...timings.map(({n}) => n)),
    "took": `${seconds.toFixed(0)} s`,
  });
  blockTable(table.layers);
  netTable(table.checks);
  faults = [];
  if (hidden) faults.push("The page was not in front all the time: browsers slow such pages down. Measure again.");
  if (entries.some((cost) => cost <= 0)) faults.push("A block costs no more than its neighbours alone: too noisy. Measure again, for longer.");
  if (table.error > WRONG || widest > VAGUE) faults.push("The device was busy, so this is not to be relied on. Let it rest, and measure again or for longer.");
  sayWithFaults(faults.length ? "" : "Done.");
  $("send").hidden = !site.takes_results;
  $("send").disabled = false;
  steps("results.csv", "fbnet import results.csv --kit web/kit --out device/latency.json");
  $("results").hidden = false;
  $("results").focus({preventScroll: true});
}

/* Say it, and what is wrong with the measurement after it. */
function sayWithFaults(text, isFault = false) {
  say([text, ...faults].filter(Boolean).join(" "), isFault || faults.length > 0);
}

function steps(what, first) {
  const table = "device/latency.json";
  $("next").replaceChildren("With ", what, ": ", code(first), ", then ", code(search(table)));
}

function search(table) {
  return `dvc exp run -S lut.source=file -S lut.file=${table}`;
}

function code(text) {
  return Object.assign(document.createElement("code"), {textContent: text});
}

function blockTable(layers) {
  const blocks = [...new Set(layers.flatMap((layer) => Object.keys(layer)))];
  const most = Math.max(...layers.flatMap((layer) => Object.values(layer)));
  rows($("blocks"), ["block, layer", ...layers.keys()], blocks.map((block) => [
    block,
    ...layers.map((layer) => block in layer ? {text: (1000 * layer[block]).toFixed(1), share: Math.max(layer[block], 0) / most} : ""),
  ]));
}

function netTable(nets) {
  rows($("nets"), ["net", "predicted", "measured", "off by", "blocks"], nets.map((net, i) => [
    i + 1,
    net.predicted.toFixed(3),
    net.measured.toFixed(3),
    `${(100 * (net.predicted / net.measured - 1)).toFixed(1)} %`,
    net.choice.join(", "),
  ]));
}

function rows(table, headings, lines) {
  const row = (cells, first, others) => {
    const line = document.createElement("tr");
    cells.forEach((cell, i) => {
      const element = document.createElement(i ? others : "th");
      element.textContent = cell.text ?? cell;
      if (cell.share !== undefined) element.style.setProperty("--v", cell.share.toFixed(3));
      if (element.tagName === "TH") element.scope = first;
      line.append(element);
    });
    return line;
  };
  const head = document.createElement("thead"), body = document.createElement("tbody");
  head.append(row(headings, "col", "th"));
  body.append(...lines.map((line) => row(line, "row", "td")));
  table.replaceChildren(head, body);
}

async function send() {
  $("send").disabled = true;
  const answer = await fetch("results", {method: "POST", headers: {"Content-Type": "text/csv"}, body: csv})
    .then((response) => response.json())
    .catch(() => ({refused: "the computer does not answer; download the file instead"}));
  if (answer.refused) {
    $("send").disabled = false;
    return sayWithFaults(`Not taken: ${answer.refused}.`, true);
  }
  const error = answer.error === null ? "" : `, off by ${(100 * answer.error).toFixed(1)} % on whole nets`;
  sayWithFaults(`Sent: the computer has ${answer.table}${error}.`);
  $("next").replaceChildren("There: ", code(search(answer.table)));
}

async function begin() {
  site = await (await fetch("site.json")).json();
  const {browser, device} = await machine();
  const isolated = self.crossOriginIsolated;
  $("footer").textContent = `fbnet-pfld ${site.version}, ${site.engine.name} ${site.engine.version}. Loads nothing from elsewhere.`;
  fill($("machine"), {
    "browser": browser.replace(/(\d+)\.[\d.]+$/, "$1"),
    "clock": isolated ? "fine" : "coarse",
    "models": site.kit ? Object.keys(site.kit.models).length : "none",
  });
  $("device").value = device;
  const most = isolated ? navigator.hardwareConcurrency ?? 1 : 1;
  const counts = [1, 2, 4, 8].filter((count) => count <= most);
  $("threads").replaceChildren(...counts.map((count) => new Option(count, count)));
  if (!site.kit) {
    return say("These pages hold no models to measure. Writing them takes the extra pipeline, and params.yaml or --kit FOLDER.", true);
  }
  $("form").onsubmit = (event) => {
    event.preventDefault();
    start();
  };
  $("stop").onclick = () => timer?.end();
  $("send").onclick = send;
  $("download").onclick = () => save("results.csv", "text/csv", csv);
  for (const id of ["device", "threads", "seconds", "start"]) $(id).disabled = false;
  say("");
}

await begin().catch((error) => say(error.message, true));
