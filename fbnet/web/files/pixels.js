/* Pictures as bytes, cut and scaled as Python's side does it (fbnet/faces/crop.py, OpenCV).

An image is {data, width, height} with three bytes a pixel: red, green, blue. Points are [x, y] in
pixels, whole numbers being pixel centres. */

/** The image of what a canvas holds (ImageData, four bytes a pixel). */
export function image({data: from, width, height}) {
  const data = new Uint8Array(3 * width * height);
  for (let at = 0, to = 0; to < data.length; at += 4) {
    data[to++] = from[at];
    data[to++] = from[at + 1];
    data[to++] = from[at + 2];
  }
  return {data, width, height};
}

/** The nearest whole number, the even one of two: as numpy.rint and Python's round. */
export function rint(value) {
  const low = Math.floor(value);
  const above = value - low;
  if (above !== 0.5) return above < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}

/** {low: [x, y], high: [x, y]} of points. */
export function bounds(points) {
  const low = [Infinity, Infinity], high = [-Infinity, -Infinity];
  for (const point of points) {
    for (const axis of [0, 1]) {
      low[axis] = Math.min(low[axis], point[axis]);
      high[axis] = Math.max(high[axis], point[axis]);
    }
  }
  return {low, high};
}

/** The longer side of the box around points. */
export function span(points) {
  const {low, high} = bounds(points);
  return Math.max(high[0] - low[0], high[1] - low[1]);
}

/** The square around points, `scale` times their longer side, as an image of `size` pixels.

`corner` [x, y] and `side` say where its edges lie in the source: a share s of the crop is the pixel
s * side + corner - 0.5. Black beyond the source. */
export function cut(source, points, scale, size) {
  const {low, high} = bounds(points);
  const extent = Math.max(rint(scale * Math.max(high[0] - low[0], high[1] - low[1])), 1);
  const corner = [0, 1].map((axis) => rint((low[axis] + high[axis]) / 2 - (extent - 1) / 2));
  return {image: resize(region(source, corner, extent), size, size), corner, side: extent};
}

function region(source, [left, top], extent) {
  const data = new Uint8Array(3 * extent * extent);
  const first = Math.max(left, 0), last = Math.min(left + extent, source.width);
  for (let y = Math.max(top, 0); y < Math.min(top + extent, source.height) && first < last; y++) {
    const row = source.data.subarray(3 * (y * source.width + first), 3 * (y * source.width + last));
    data.set(row, 3 * ((y - top) * extent + first - left));
  }
  return {data, width: extent, height: extent};
}

/** An image at another size: by areas where it shrinks (INTER_AREA), else linearly. */
export function resize(source, width, height) {
  if (source.width === width && source.height === height) return source;
  const shrinks = width < source.width || height < source.height;
  const weigh = shrinks ? areas : neighbours;
  const columns = weigh(source.width, width), rows = weigh(source.height, height);
  const data = new Uint8Array(3 * width * height);
  const line = new Float32Array(3 * width), sum = new Float32Array(3 * width);
  const lines = new Map();  // rows of the source that are scaled already, where rows share them
  for (let y = 0; y < height; y++) {
    sum.fill(0);
    for (let k = rows.starts[y]; k < rows.starts[y + 1]; k++) {
      const from = rows.indices[k], weight = rows.weights[k];
      let values = lines.get(from);
      if (values === undefined) {
        values = shrinks ? line : new Float32Array(3 * width);
        across(source, from, columns, values);
        if (!shrinks) lines.set(from, values);
      }
      for (let i = 0; i < sum.length; i++) sum[i] += weight * values[i];
    }
    for (let i = 0, to = 3 * y * width; i < sum.length; i++) data[to + i] = rint(sum[i]);
  }
  return {data, width, height};
}

function across(source, y, columns, line) {
  const start = 3 * y * source.width, {data} = source;
  for (let x = 0; x < columns.starts.length - 1; x++) {
    let red = 0, green = 0, blue = 0;
    for (let k = columns.starts[x]; k < columns.starts[x + 1]; k++) {
      const at = start + 3 * columns.indices[k], weight = columns.weights[k];
      red += weight * data[at];
      green += weight * data[at + 1];
      blue += weight * data[at + 2];
    }
    line[3 * x] = red;
    line[3 * x + 1] = green;
    line[3 * x + 2] = blue;
  }
}

/* Which of `from` pixels make up each of `to`, and by what weights: those of pixel x are
indices[starts[x]] to indices[starts[x + 1] - 1]. */
function areas(from, to) {
  const starts = [0], indices = [], weights = [];
  const scale = from / to;
  for (let x = 0; x < to; x++) {
    const low = x * scale, high = Math.min(low + scale, from);
    for (let at = Math.floor(low); at < high; at++) {
      const weight = (Math.min(at + 1, high) - Math.max(at, low)) / (high - low);
      if (weight > 1e-6) {
        indices.push(at);
        weights.push(weight);
      }
    }
    starts.push(indices.length);
  }
  return {starts: Int32Array.from(starts), indices: Int32Array.from(indices), weights: Float32Array.from(weights)};
}

function neighbours(from, to) {
  const indices = [], weights = [];
  for (let x = 0; x < to; x++) {
    const at = Math.min(Math.max((x + 0.5) * (from / to) - 0.5, 0), from - 1);
    const low = Math.min(Math.floor(at), Math.max(from - 2, 0));
    indices.push(low, Math.min(low + 1, from - 1));
    weights.push(1 - (at - low), at - low);
  }
  const starts = Int32Array.from({length: to + 1}, (_, x) => 2 * x);
  return {starts, indices: Int32Array.from(indices), weights: Float32Array.from(weights)};
}
