/** Answers may come in another order than they were asked for: of several questions only the last one counts. */
export class Latest {
  #asked = 0;

  /** Call it when something is asked. @returns {() => boolean} whether nothing was asked since */
  ask() {
    const asked = ++this.#asked;
    return () => asked === this.#asked;
  }
}
