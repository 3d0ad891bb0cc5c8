/** Lists of several pages, as asynchronous iterators. */
import { UnexpectedAnswerError } from "./errors.js";

/** A page: items, and the cursor of the next one. It may be short or empty although there are more pages. */
export interface PageLike<T> {
  items: T[];
  cursor?: string | null;
}

/** The items of a list; iterating reads page after page, and each time from the beginning. */
export class Items<T, P> implements AsyncIterable<T> {
  readonly #pageAt: (cursor: string | undefined) => Promise<P>;
  readonly #view: (page: P) => PageLike<T>;
  readonly #cursor: string | undefined;

  /**
   * @param pageAt reads the page at a cursor; undefined is the first page.
   * @param view returns a page as items and cursor.
   * @param cursor where to begin.
   */
  constructor(
    pageAt: (cursor: string | undefined) => Promise<P>,
    view: (page: P) => PageLike<T>,
    cursor: string | undefined,
  ) {
    this.#pageAt = pageAt;
    this.#view = view;
    this.#cursor = cursor;
  }

  /**
   * Iterate over the pages; the `cursor` of one continues the list later.
   *
   * @throws {UnexpectedAnswerError} the next page would be the same one again, without an end.
   */
  async *pages(): AsyncGenerator<P, void, undefined> {
    let cursor = this.#cursor;
    for (;;) {
      const page = await this.#pageAt(cursor);
      yield page;
      const next = this.#view(page).cursor ?? undefined;
      if (next === undefined) return;
      if (next === cursor) throw new UnexpectedAnswerError("the list answers with the cursor that it was asked with");
      cursor = next;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for await (const page of this.pages()) yield* this.#view(page).items;
  }
}
