/* Faces over the frames of a video, as fbnet/predict/track.py follows and steadies them. */

import {SEARCH, canBeFace, centre, corners} from "./landmarker.js";
import {span} from "./pixels.js";

const SEARCH_S = 0.1, LOOK_S = 0.5;  // from one detection to the next: while somebody is missed; else
const SHOWN_S = 0.8, KEEP_S = 1.5;  // how long somebody whom no detection confirms is shown, and kept
const CONFIRMED = 0.3;  // IoU of a detection and somebody's landmarks from which on they are one face
const DRIFTED = 0.55;  // IoU below which that face is predicted anew from the detection
const SAME = 0.5;  // IoU of landmarks' boxes from which on two faces are one
const GROWTH = 1.5, JUMP = 0.5;  // most that a face grows, and moves in face sides, a frame

/** Follows the faces of a video; `next` takes one frame after the other. */
export class Tracker {
  /** smoothing: the One-Euro filter's {min_cutoff, beta, speed_cutoff}; null leaves it away. */
  constructor(landmarker, smoothing) {
    this.landmarker = landmarker;
    this.smoothing = smoothing;
    this.people = [];
    this.looked = -Infinity;
  }

  /** The faces {landmarks, score} of a frame at a time in seconds. */
  async next(frame, time) {
    for (const person of this.people) await this.follow(person, frame, time);
    const calm = this.people.length > 0 && this.people.every(
      (person) => !person.lost && person.confirmed === this.looked);
    if (time - this.looked >= (calm ? LOOK_S : SEARCH_S)) {
      await this.look(frame, time);
      this.looked = time;
    }
    return this.people
      .filter(({lost, confirmed}) => !lost && time - confirmed <= SHOWN_S)
      .map(({landmarks, score}) => ({landmarks, score}));
  }

  async follow(person, frame, time) {
    const landmarks = await this.landmarker.predict(frame, person.landmarks);
    person.lost = !(canBeFace(landmarks, frame) && follows(person.landmarks, landmarks));
    if (!person.lost) person.landmarks = person.steady(landmarks, time);
  }

  /* Detect: confirm people, find those who were lost, welcome new ones, forget others. */
  async look(frame, time) {
    const unmatched = new Set(this.people);
    for (const {square, score} of await this.landmarker.detect(frame, SEARCH.video)) {
      const [x, y, side] = square;
      const seen = [x, y, x + side, y + side];
      const near = [...unmatched]
        .map((person) => ({person, now: iou(seen, corners(person.landmarks)), before: iou(seen, person.seen)}))
        .map((one) => ({...one, either: Math.max(one.now, one.before)}))
        .sort((a, b) => b.either - a.either)[0];
      let person = near?.either > CONFIRMED ? near.person : null;
      if (person === null || person.lost || near.now < DRIFTED) {
        const {landmarks} = await this.landmarker.settle(frame, square, score);
        if (person === null) this.people.push(person = {});
        person.steady = this.smoothing ? smoother(this.smoothing) : (points) => points;
        person.landmarks = person.steady(landmarks, time);
        person.lost = false;
      }
      unmatched.delete(person);
      Object.assign(person, {confirmed: time, seen, score});
    }
    this.people = apart(this.people.filter(({confirmed}) => time - confirmed <= KEEP_S));
  }
}

/* The people without those who came to lie on somebody before them. */
function apart(people) {
  const kept = [];
  for (const person of people) {
    const box = corners(person.landmarks);
    if (person.lost || !kept.some((other) => !other.lost && iou(box, corners(other.landmarks)) > SAME)) kept.push(person);
  }
  return kept;
}

function follows(before, after) {
  const side = span(before), grown = span(after) / side;
  const [a, b] = [centre(before), centre(after)];
  return 1 / GROWTH <= grown && grown <= GROWTH && Math.hypot(a[0] - b[0], a[1] - b[1]) <= JUMP * side;
}

/* Intersection over union of boxes [left, top, right, bottom]. */
function iou(one, other) {
  const width = Math.min(one[2], other[2]) - Math.max(one[0], other[0]);
  const height = Math.min(one[3], other[3]) - Math.max(one[1], other[1]);
  const shared = Math.max(width, 0) * Math.max(height, 0);
  const area = (box) => (box[2] - box[0]) * (box[3] - box[1]);
  return shared / (area(one) + area(other) - shared);
}

/* The One-Euro filter on the landmarks of one face, in units of the face. */
function smoother({min_cutoff: atRest, beta, speed_cutoff: ofSpeed}) {
  let steady = null, speeds, last;
  return (points, time) => {
    if (steady === null || time <= last) {
      steady = points;
      speeds = points.map(() => [0, 0]);
    } else {
      const step = time - last, side = span(points);
      const newest = share(ofSpeed, step);
      steady = points.map((point, i) => {
        speeds[i] = speeds[i].map((speed, axis) =>
          speed + newest * ((point[axis] - steady[i][axis]) / (step * side) - speed));
        const weight = share(atRest + beta * Math.hypot(...speeds[i]), step);
        return point.map((value, axis) => steady[i][axis] + weight * (value - steady[i][axis]));
      });
    }
    last = time;
    return steady;
  };
}

function share(cutoff, step) {
  return 1 / (1 + 1 / (2 * Math.PI * cutoff * step));
}
