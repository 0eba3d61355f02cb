/* Nets in onnxruntime-web's wasm, on the processor. */

import * as ort from "./onnxruntime/ort.wasm.min.mjs";

/** Use so many threads; more than one where the page is cross-origin isolated. Before any `open`. */
export function useThreads(threads) {
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = new URL("./onnxruntime/", import.meta.url).href;
  ort.env.logLevel = "error";
}

/** An ONNX file, opened. */
export async function open(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${answer.statusText}`);
  const options = {executionProviders: ["wasm"], graphOptimizationLevel: "all"};
  return ort.InferenceSession.create(new Uint8Array(await answer.arrayBuffer()), options);
}

/** A float32 tensor for a net's input. */
export function tensor(values, shape) {
  return new ort.Tensor("float32", values, shape);
}
