/**
 * What the server is asked for.
 * @typedef {"box" | "polygon" | "point"} Kind
 * @typedef {{uid: string, label: string, ignored: boolean, kind: Kind, points: number[][], radius: number | null}}
 *   Shape in pixels of the image; a box has two corners, a point its centre and a radius
 * @typedef {null | "right" | "skip"} Status
 * @typedef {{split: string, index: number}} Place which image of the data
 * @typedef {Place & {marks: Shape[], status: Status, revision: number}} Told what is marked in an image: that, or
 *   something newer, is on the disk since the revision
 * @typedef {Told & {name: string, width: number, height: number, labels: string[], group: string | null,
 *   scores: {label: string, score: number}[], own: Shape[]}} Picture
 * @typedef {{prediction: string | null, score: number, right: boolean | null}} Answer of one model to one image
 * @typedef {Answer & {index: number, name: string, labels: string[], group: string | null, marks: number,
 *   status: Status, beside: Answer | null}} Entry one image of the gallery
 * @typedef {{id: string, state: "running" | "finished" | "stopped" | "failed", epoch: number, epochs: number,
 *   seconds: number, message: string, marks: number, lambda: number}} Round
 */

export class ApiError extends Error {
  /** @param {string} message @param {number} status 0 where no answer came */
  constructor(message, status) {
    super(message);
    this.status = status;
  }

  /** Whether the same request may be answered later: no answer, a failure, too busy, or not let in. */
  get passing() {
    return this.status === 0 || this.status >= 500 || [401, 403, 408, 429].includes(this.status);
  }
}

/** @param {string} path @param {RequestInit} [options] @returns {Promise<any>} */
async function request(path, options) {
  const answer = await fetch(path, options).catch(() => {
    throw new ApiError("the server does not answer", 0);
  });
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new ApiError(found.error ?? `the server answered ${answer.status}`, answer.status);
  return found;
}

/** @param {string} path @param {Record<string, string | number>} [query] */
export const get = (path, query = {}) => request(withQuery(path, query), { cache: "no-store" });

/** @param {string} path @param {any} [body] */
export const post = (path, body = {}) =>
  request(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    keepalive: true, // a reload in the midst of it does not lose it
  });

/** @param {string} path @param {Record<string, string | number>} query */
function withQuery(path, query) {
  const text = new URLSearchParams(
    Object.entries(query).map(([name, value]) => [name, String(value)]),
  ).toString();
  return text ? `${path}?${text}` : path;
}

/** @param {Place} place @param {number} [side] */
export const imageUrl = ({ split, index }, side) =>
  withQuery(`/image/${encodeURIComponent(split)}/${index}`, side ? { side } : {});

/** @param {Place} place @param {number} version grows with each change of the marks */
export const withoutUrl = ({ split, index }, version) =>
  withQuery(`/without/${encodeURIComponent(split)}/${index}`, { v: version });

/** @param {{id: string, epoch: number}} model @param {Place} place @param {number} number of the class */
export const mapUrl = (model, { split, index }, number) =>
  withQuery(`/map/${encodeURIComponent(model.id)}/${encodeURIComponent(split)}/${index}/${number}`, {
    v: model.epoch,
  });

/** @param {Place} place @param {string} model @returns {Promise<Picture>} */
export const getPicture = ({ split, index }, model) =>
  get(`/api/image/${encodeURIComponent(split)}/${index}`, { model });

/** @param {Place} place */
export const keyOf = ({ split, index }) => `${split}/${index}`;
