/* Calls from a page to its worker: methods by name, each answered once, and events in between. */

/** In the worker: answer calls by these functions, one after the other. */
export function answer(methods) {
  let last = Promise.resolve();
  self.onmessage = ({data: {id, name, args}}) => {
    last = last.then(async () => {
      try {
        self.postMessage({id, value: await methods[name](...args)});
      } catch (error) {
        self.postMessage({id, error: error?.message ?? String(error)});
      }
    });
  };
}

/** In the worker: tell the page something while a call is at work. */
export function tell(event) {
  self.postMessage({event});
}

/** In the page: a worker as a function call(name, ...args) -> promise, with `end()`. */
export function remote(file, onEvent = () => {}) {
  const worker = new Worker(new URL(file, import.meta.url), {type: "module"});
  const waiting = new Map();
  let count = 0;
  const fail = (error) => {
    for (const {reject} of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.onmessage = ({data}) => {
    if ("event" in data) return onEvent(data.event);
    const {resolve, reject} = waiting.get(data.id);
    waiting.delete(data.id);
    if ("error" in data) reject(new Error(data.error));
    else resolve(data.value);
  };
  worker.onerror = (event) => fail(new Error(event.message || `${file} cannot be loaded`));
  const call = (name, ...args) => new Promise((resolve, reject) => {
    waiting.set(++count, {resolve, reject});
    worker.postMessage({id: count, name, args});
  });
  call.end = () => {
    worker.terminate();
    fail(new Error("stopped"));
  };
  return call;
}
