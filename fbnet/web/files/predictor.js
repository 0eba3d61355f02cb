/* The worker of the demo: faces of pictures and of a video's frames. */

import {openLandmarker} from "./landmarker.js";
import {image} from "./pixels.js";
import {answer} from "./remote.js";
import {useThreads} from "./runtime.js";
import {Tracker} from "./track.js";

let landmarker, smoothing, tracker;

answer({
  async open(site) {
    useThreads(1);
    landmarker = await openLandmarker(site);
    smoothing = site.smoothing;
  },

  /** The faces of a picture (ImageData), and how long it took. */
  async picture(frame) {
    const start = performance.now();
    const faces = await landmarker.faces(image(frame));
    return {faces, ms: performance.now() - start};
  },

  /** A video begins: nobody is known yet. */
  begin(steadied) {
    tracker = new Tracker(landmarker, steadied ? smoothing : null);
  },

  /** The faces of a video's frame at a time in seconds, and how long they took. */
  async frame(frame, time) {
    const start = performance.now();
    const faces = await tracker.next(image(frame), time);
    return {faces, ms: performance.now() - start};
  },
});
