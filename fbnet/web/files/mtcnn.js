/* MTCNN as fbnet/predict/mtcnn.py runs it, from the same three files. */

import {cut, resize, rint} from "./pixels.js";
import {open, tensor} from "./runtime.js";

const CELL = 12, STRIDE = 2;  // side of what P-Net sees, distance of its cells, in pixels
const STEP = 0.709;  // from one scale of the pyramid to the next
const PROPOSED = 0.6;
const JUDGES = [{name: "rnet", side: 24, least: 0.7}, {name: "onet", side: 48, least: 0.9}];

/** The detector whose files lie in a folder (an address that ends with a slash). */
export async function openMtcnn(folder) {
  const proposing = await open(`${folder}pnet.onnx`);
  const judges = [];
  for (const judge of JUDGES) judges.push({...judge, net: await open(`${folder}${judge.name}.onnx`)});
  return (picture, smallest, longest) => detect(proposing, judges, picture, smallest, longest);
}

/* Boxes [x, y, width, height] in pixels from the picture's edge and scores, best first.

smallest: side of the smallest face that is looked for, in pixels of the picture that is searched,
whose longer side has at most `longest`. */
async function detect(proposing, judges, picture, smallest, longest) {
  const scale = Math.min(1, longest / Math.max(picture.width, picture.height));
  const {width, height} = picture;
  const searched = resize(picture, Math.max(1, rint(width * scale)), Math.max(1, rint(height * scale)));
  let boxes = await propose(proposing, searched, smallest);
  for (const judge of judges) boxes = await judged(judge, searched, boxes.map(square));
  return distinct(boxes, 0.7, true).map(({box: [left, top, right, bottom], score}) => ({
    box: [left / scale, top / scale, (right - left) / scale, (bottom - top) / scale],
    score,
  }));
}

/* P-Net's boxes {box: [left, top, right, bottom], score} over a pyramid of scales. */
async function propose(net, searched, smallest) {
  const proposals = [];
  let small = searched;
  for (let scale = CELL / smallest; scale * Math.min(searched.width, searched.height) >= CELL; scale *= STEP) {
    small = resize(small, Math.ceil(searched.width * scale), Math.ceil(searched.height * scale));
    const shape = [1, small.width, small.height, 3];
    const outputs = await net.run({[net.inputNames[0]]: tensor(values([small]), shape)});
    const moves = outputs.conv2d_4.data, faces = outputs.softmax.data;
    const rows = outputs.softmax.dims[2];
    const boxes = [];
    for (let cell = 0; cell < faces.length / 2; cell++) {
      const score = faces[2 * cell + 1];
      if (score < PROPOSED) continue;
      const x = Math.floor(cell / rows) * STRIDE, y = (cell % rows) * STRIDE;
      const box = [x / scale, y / scale, (x + CELL) / scale, (y + CELL) / scale];
      boxes.push({box, score, moved: moved(box, moves.subarray(4 * cell, 4 * cell + 4))});
    }
    for (const {moved: box, score} of distinct(boxes, 0.5)) proposals.push({box, score});
  }
  return distinct(proposals, 0.7);
}

/* Those of the boxes that a net takes for faces, their corners as it corrects them. */
async function judged({net, side, least}, searched, boxes) {
  if (!boxes.length) return [];
  const faces = boxes.map(({box}) => {
    const corners = [[box[0] - 0.5, box[1] - 0.5], [box[2] - 0.5, box[3] - 0.5]];
    return cut(searched, corners, 1, side).image;
  });
  const outputs = await net.run({[net.inputNames[0]]: tensor(values(faces), [faces.length, side, side, 3])});
  const named = Object.fromEntries(Object.values(outputs).map((value) => [value.dims[1], value.data]));
  const kept = boxes
    .map(({box}, i) => ({box, score: named[2][2 * i + 1], moves: named[4].subarray(4 * i, 4 * i + 4)}))
    .filter(({score}) => score >= least);
  return distinct(kept, 0.7).map(({box, score, moves}) => ({box: moved(box, moves), score}));
}

/* Images as the nets take them: red, green, blue from -1 to 1, x before y. */
function values(images) {
  const {width, height} = images[0];
  const taken = new Float32Array(3 * images.length * width * height);
  let to = 0;
  for (const {data} of images) {
    for (let x = 0; x < width; x++) {
      for (let y = 0; y < height; y++) {
        const at = 3 * (y * width + x);
        for (let colour = 0; colour < 3; colour++) taken[to++] = (data[at + colour] - 127.5) / 128;
      }
    }
  }
  return taken;
}

function moved([left, top, right, bottom], moves) {
  const width = right - left, height = bottom - top;
  return [
    left + moves[0] * width, top + moves[1] * height,
    right + moves[2] * width, bottom + moves[3] * height,
  ];
}

/* The square around the same centre, as large as the longer side. */
function square({box: [left, top, right, bottom], score}) {
  const x = (left + right) / 2, y = (top + bottom) / 2;
  const half = Math.max(right - left, bottom - top) / 2;
  return {box: [x - half, y - half, x + half, y + half], score};
}

/** Those that overlap no better one, best first; `most` is the largest intersection allowed by the
union of both, or by the smaller one's area. */
export function distinct(boxes, most, bySmaller = false) {
  const area = ([left, top, right, bottom]) => (right - left) * (bottom - top);
  const kept = [];
  for (const one of [...boxes].sort((a, b) => b.score - a.score)) {
    const free = kept.every((other) => {
      const width = Math.min(one.box[2], other.box[2]) - Math.max(one.box[0], other.box[0]);
      const height = Math.min(one.box[3], other.box[3]) - Math.max(one.box[1], other.box[1]);
      const shared = Math.max(width, 0) * Math.max(height, 0);
      const areas = [area(one.box), area(other.box)];
      return shared <= most * (bySmaller ? Math.min(...areas) : areas[0] + areas[1] - shared);
    });
    if (free) kept.push(one);
  }
  return kept;
}
