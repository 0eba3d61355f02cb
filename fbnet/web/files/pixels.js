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
  return {data: (shrinks ? shrunk : enlarged)(source, width, height), width, height};
}

function shrunk(source, width, height) {
  const columns = areas(source.width, width), rows = areas(source.height, height);
  const data = new Uint8Array(3 * width * height);
  const line = new Float32Array(3 * width), sum = new Float32Array(3 * width);
  for (let y = 0; y < height; y++) {
    sum.fill(0);
    for (let k = rows.starts[y]; k < rows.starts[y + 1]; k++) {
      across(source, rows.indices[k], columns, line);
      for (let i = 0; i < sum.length; i++) sum[i] += rows.weights[k] * line[i];
    }
    for (let i = 0, to = 3 * y * width; i < sum.length; i++) data[to + i] = rint(sum[i]);
  }
  return data;
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

const ONE = 2048;  // in the fixed point that OpenCV enlarges in

function enlarged(source, width, height) {
  const columns = neighbours(source.width, width), rows = neighbours(source.height, height);
  const data = new Uint8Array(3 * width * height);
  const across = (y, {low, high, weight}, colour) => {
    const start = 3 * y * source.width + colour;
    return source.data[start + 3 * low] * (ONE - weight) + source.data[start + 3 * high] * weight;
  };
  let to = 0;
  for (const row of rows) {
    for (const column of columns) {
      for (let colour = 0; colour < 3; colour++) {
        const above = ((ONE - row.weight) * (across(row.low, column, colour) >> 4)) >> 16;
        const below = (row.weight * (across(row.high, column, colour) >> 4)) >> 16;
        data[to++] = (above + below + 2) >> 2;
      }
    }
  }
  return data;
}

/* Which two of `from` pixels lie around each of `to`, and how much of the second it takes. */
function neighbours(from, to) {
  return Array.from({length: to}, (_, x) => {
    const at = Math.fround((x + 0.5) * (from / to) - 0.5);
    const low = Math.min(Math.max(Math.floor(at), 0), from - 1);
    const inside = at > 0 && low < from - 1;
    return {low, high: Math.min(low + 1, from - 1), weight: inside ? rint(Math.fround(at - low) * ONE) : 0};
  });
}
