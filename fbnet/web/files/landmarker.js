/* Faces and their landmarks as fbnet/predict/landmarker.py finds them. */

import {distinct, openMtcnn} from "./mtcnn.js";
import {bounds, cut, span} from "./pixels.js";
import {open, tensor} from "./runtime.js";

const PASSES = 2;  // predictions of a detected face, each on the crop that the landmarks lead to
const SAME = 0.5;  // IoU of the landmarks' boxes from which on two faces are one
const SMALLEST = 8;  // shortest side of a usable landmarks' box in pixels
const LARGEST = 2;  // longest side of a face by the picture's longer side

/** What to look for: in a picture as Python does, in a video for faces that are near. */
export const SEARCH = {
  picture: {smallest: 20, longest: 640},
  video: {smallest: 48, longest: 640},
};

/** A landmarker of the model that site.json describes. */
export async function openLandmarker(site) {
  return new Landmarker(site.model, await open(site.model.file), site.detector, await openMtcnn(site.detector.folder));
}

class Landmarker {
  constructor(model, net, {fit}, detector) {
    this.model = model;
    this.net = net;
    this.fit = fit;
    this.detector = detector;
  }

  /** The faces {landmarks, score} of an image, as `Landmarker.__call__` gives them. */
  async faces(source) {
    const faces = [];
    for (const {square, score} of await this.detect(source, SEARCH.picture)) {
      faces.push(await this.settle(source, square, score));
    }
    const ranked = faces.map((face, i) => ({box: corners(face.landmarks), score: -i, face}));
    return distinct(ranked, SAME).map(({face}) => face);
  }

  /** Squares [x, y, side, side] around the landmarks of faces, and scores. */
  async detect(source, {smallest, longest}) {
    const {size, right, down} = this.fit;
    const found = (await this.detector(source, smallest, longest)).map(({box: [x, y, width, height], score}) => {
      const root = Math.sqrt(width * height), side = size * root;
      const centre = [x + width / 2 + right * root, y + height / 2 + down * root];
      return {square: [centre[0] - side / 2, centre[1] - side / 2, side, side], score};
    });
    if (!this.model.shares.length) return found;
    const parts = [];
    for (const {square, score} of found) parts.push({square: await this.part(source, square), score});
    return parts;
  }

  /* The square around the landmarks of a face whose whole fills `square`: `Landmarker._part`. Points of
  one's own may fill a third of a face; of crops of several sizes, the net knows its own. */
  async part(source, square) {
    const [x, y, side] = square, {shares, crop_scale: scale} = this.model;
    let before = [], faces = [];
    for (const share of shares) {
      const moved = side * (1 - share) / 2;
      faces.push(await this.face(source, around([x + moved, y + moved, side * share])));
    }
    for (let pass = 0; pass < PASSES; pass++) {
      before = faces.filter(({landmarks}) => canBeFace(landmarks, source));
      faces = [];
      for (const {landmarks} of before) faces.push(await this.face(source, landmarks));
    }
    if (!faces.length) return square;
    const stays = faces.map(({crop}, i) => overlap(before[i].crop, crop));
    const {crop: [left, top, whole]} = faces[stays.indexOf(Math.max(...stays))];
    const inner = whole / scale, edge = (whole - inner) / 2;
    return [left + edge, top + edge, inner, inner];
  }

  /** The face in a detector's square: predicted, and again on the crop that this leads to. */
  async settle(source, square, score) {
    let points = around(square);
    for (let pass = 0; pass < PASSES; pass++) {
      points = await this.predict(source, points);
      if (!canBeFace(points, source)) break;
    }
    return {landmarks: points, score};
  }

  /** Landmarks in pixels of the face around points. */
  async predict(source, points) {
    return (await this.face(source, points)).landmarks;
  }

  /* The face around points: its landmarks, and the crop [x, y, side] in which the net saw it. */
  async face(source, points) {
    const {size, crop_scale: scale} = this.model;
    const {image, corner, side} = cut(source, points, scale, size);
    const feed = {[this.net.inputNames[0]]: tensor(this.values(image), [1, 3, size, size])};
    const outputs = await this.net.run(feed);
    const {data} = outputs[this.net.outputNames[0]];
    const landmarks = Array.from({length: data.length / 2}, (_, point) =>
      [0, 1].map((axis) => data[2 * point + axis] * side + corner[axis] - 0.5));
    return {landmarks, crop: [...corner, side]};
  }

  /* An image as the net takes it: planes of 0..1, in the model's order of colours. */
  values({data}) {
    const pixels = data.length / 3;
    const values = new Float32Array(3 * pixels);
    for (let plane = 0; plane < 3; plane++) {
      const colour = this.model.channels === "BGR" ? 2 - plane : plane;
      for (let pixel = 0; pixel < pixels; pixel++) values[plane * pixels + pixel] = data[3 * pixel + colour] / 255;
    }
    return values;
  }
}

/* The corners of a square [x, y, side], as points. */
function around([x, y, side]) {
  return [[x - 0.5, y - 0.5], [x + side - 0.5, y + side - 0.5]];
}

/* The IoU of two squares [x, y, side]. */
function overlap(one, other) {
  const shared = [0, 1].reduce((product, axis) => {
    const low = Math.max(one[axis], other[axis]), high = Math.min(one[axis] + one[2], other[axis] + other[2]);
    return product * Math.max(high - low, 0);
  }, 1);
  return shared / (one[2] ** 2 + other[2] ** 2 - shared);
}

/** The box [left, top, right, bottom] around landmarks, in pixels from the picture's edge. */
export function corners(landmarks) {
  const {low, high} = bounds(landmarks);
  return [...low, ...high].map((value) => value + 0.5);
}

/** Whether a face of the size and place of landmarks can be in an image. */
export function canBeFace(landmarks, {width, height}) {
  const side = span(landmarks), [x, y] = centre(landmarks);
  return side >= SMALLEST && side <= LARGEST * Math.max(width, height) && x >= 0 && x < width && y >= 0 && y < height;
}

/** The mean of points. */
export function centre(points) {
  return [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length);
}
