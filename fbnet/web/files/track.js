/* Faces over the frames of a video, as fbnet/predict/track.py follows and steadies them. */

import {SEARCH, canBeFace, centre, corners} from "./landmarker.js";
import {span} from "./pixels.js";

const SEARCH_S = 0.1, LOOK_S = 0.5;  // from one detection to the next: while somebody is missed; else
const SHOWN_S = 0.8, KEEP_S = 1.5;  // how long the missed are shown, and kept, from the first miss
const PATH_S = 1.5;  // remembered of a path: its first half tells where somebody was going
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
    for (const person of this.people) if (!person.hidden) await this.follow(person, frame, time);
    separate(this.people, time);
    const calm = this.people.length > 0 && this.people.every(
      ({lost, missed}) => !lost && missed === Infinity);
    if (time - this.looked >= (calm ? LOOK_S : SEARCH_S)) {
      await this.look(frame, time);
      this.looked = time;
    }
    for (const person of this.people) remember(person, time);
    return this.people
      .filter(({lost, missed}) => !lost && time - missed <= SHOWN_S)
      .map(({landmarks, score}) => ({landmarks, score}));
  }

  async follow(person, frame, time) {
    const landmarks = await this.landmarker.predict(frame, person.landmarks);
    person.lost = !(canBeFace(landmarks, frame) && follows(person.landmarks, landmarks));
    if (!person.lost) person.landmarks = person.steady(landmarks, time);
  }

  /* Detect: confirm people, find those who were lost, welcome new ones, forget others. */
  async look(frame, time) {
    const detected = await this.landmarker.detect(frame, SEARCH.video);
    const squares = detected.map(({square: [x, y, side]}) => [x, y, x + side, y + side]);
    const found = new Set(), matched = matches(this.people, squares, time);
    for (const [index, {square, score}] of detected.entries()) {
      const seen = squares[index];
      let person = matched[index];
      if (!person || person.lost || iou(seen, corners(person.landmarks)) < DRIFTED) {
        const {landmarks} = await this.landmarker.settle(frame, square, score);
        const others = this.people.filter((one) => one !== person && !one.lost);
        // The square of a hidden face, or a second one of the same.
        if (others.some((other) => overlap(landmarks, other.landmarks) > SAME)) continue;
        if (!person) this.people.push(person = {path: []});
        person.steady = this.smoothing ? smoother(this.smoothing) : (points) => points;
        person.landmarks = person.steady(landmarks, time);
        person.lost = person.hidden = false;
      }
      Object.assign(person, {missed: Infinity, seen, score});
      found.add(person);
    }
    for (const person of this.people) if (!found.has(person)) miss(person, time);
    this.people = this.people.filter(({missed}) => time - missed <= KEEP_S);
  }
}

/* Of each two people on one face hide the one whose path bends more to get there. */
function separate(people, time) {
  const bend = (person) => distance(centre(person.landmarks), centre(led(person, time)));
  for (const [index, person] of people.entries()) {
    for (const other of people.slice(0, index)) {
      const shown = !(person.lost || other.lost);
      if (shown && overlap(person.landmarks, other.landmarks) > SAME) {
        const behind = bend(other) > bend(person) ? other : person;
        miss(behind, time);
        behind.lost = behind.hidden = true;
      }
    }
  }
}

/* Where somebody is becomes the end of their path. */
function remember(person, time) {
  if (person.missed < Infinity || person.lost) return;
  const recent = person.path.filter((step) => time - step.time <= PATH_S);
  person.path = [...recent, {time, landmarks: person.landmarks}];
}

/* They are not to be seen; where their landmarks went lately may be somebody else's way. */
function miss(person, time) {
  if (person.missed < Infinity) return;
  person.missed = time;
  person.path = firstHalf(person.path);
}

/* Landmarks where somebody is if they move as in the path's first half. */
function led({missed, path: whole}, time) {
  const path = missed < Infinity ? whole : firstHalf(whole);
  const begun = path[0], ended = path[path.length - 1];
  if (begun.time === ended.time) return ended.landmarks;
  const [from, to] = [centre(begun.landmarks), centre(ended.landmarks)];
  const times = (time - ended.time) / (ended.time - begun.time);
  return ended.landmarks.map(
    (point) => point.map((value, axis) => value + (to[axis] - from[axis]) * times));
}

function firstHalf(path) {
  const middle = (path[0].time + path[path.length - 1].time) / 2;
  return path.filter(({time}) => time <= middle);
}

/* Whom each of the squares [left, top, right, bottom] shows, undefined for somebody new; landmarks
in a square count more than being led or seen there. */
function matches(people, squares, time) {
  const pairs = people.flatMap((person) => {
    const box = corners(person.landmarks), ahead = corners(led(person, time));
    return squares.map((square, index) => {
      const now = iou(square, box), later = iou(square, ahead), before = iou(square, person.seen);
      const here = now > CONFIRMED && !person.lost;
      return {person, index, rank: here ? 1 + now : Math.max(now, later, before)};
    });
  });
  const matched = squares.map(() => undefined);
  for (const {person, index, rank} of pairs.sort((a, b) => b.rank - a.rank)) {
    if (rank > CONFIRMED && !matched[index] && !matched.includes(person)) matched[index] = person;
  }
  return matched;
}

function follows(before, after) {
  const side = span(before), grown = span(after) / side;
  const moved = distance(centre(before), centre(after));
  return 1 / GROWTH <= grown && grown <= GROWTH && moved <= JUMP * side;
}

function distance(a, b) {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

/* Intersection over union of the boxes around landmarks. */
function overlap(one, other) {
  return iou(corners(one), corners(other));
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
