/* The worker of the measurement: opens a kit's models and times them. */

import {answer, tell} from "./remote.js";
import {open, tensor, useThreads} from "./runtime.js";
import {measure} from "./timing.js";

const calls = {};

answer({
  /** Load the models {name: {file, input}}. */
  async open(models, threads) {
    useThreads(threads);
    const names = Object.keys(models);
    for (const [i, name] of names.entries()) {
      const {file, input} = models[name];
      const net = await open(file);
      const feed = {[net.inputNames[0]]: tensor(drawn(input.reduce((a, b) => a * b)), input)};
      calls[name] = () => net.run(feed);
      tell({opened: (i + 1) / names.length});
    }
  },

  measure: (protocol) => measure(calls, protocol, tell),
});

/* Values from 0 to 1, the same every time. */
function drawn(count) {
  let state = 1;
  return Float32Array.from({length: count}, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  });
}
