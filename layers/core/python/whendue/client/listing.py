"""Lists of several pages: which request is next, and the two iterators that send them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from whendue.client.errors import UnexpectedAnswerError
from whendue.client.messages import Request

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
G = TypeVar("G")


class PageLike(Protocol[T_co]):
    """A page: items, and the cursor of the next one."""

    @property
    def items(self) -> tuple[T_co, ...]:
        """What it lists."""
        ...

    @property
    def cursor(self) -> str | None:
        """Cursor of the next page; None at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Listing(Generic[G, T]):
    """A list, and how to ask for its pages.

    Args:
        page_at: returns the request of the page at a cursor; None is the first page.
        view: returns a page as items and cursor.
        cursor: where to begin.
    """

    page_at: Callable[[str | None], Request[G]]
    view: Callable[[G], PageLike[T]]
    cursor: str | None

    @property
    def first(self) -> Request[G]:
        """The request of the first page."""
        return self.page_at(self.cursor)

    def after(self, page: G, asked: Request[G]) -> Request[G] | None:
        """Return the request of the page after one; None at the end.

        Raises:
            UnexpectedAnswerError: the next page would be the same one again, without an end.
        """
        cursor = self.view(page).cursor
        if cursor is None:
            return None
        following = self.page_at(cursor)
        if following.path == asked.path:
            raise UnexpectedAnswerError("the list answers with the cursor that it was asked with")
        return following


class Items(Generic[G, T]):
    """The items of a list; iterating reads page after page, and each time from the beginning."""

    def __init__(self, listing: Listing[G, T], run: Callable[[Request[G]], G]) -> None:
        """List with what sends a request."""
        self._listing = listing
        self._run = run

    def pages(self) -> Iterator[G]:
        """Iterate over the pages; the `cursor` of one continues the list later."""
        asked: Request[G] | None = self._listing.first
        while asked is not None:
            page = self._run(asked)
            yield page
            asked = self._listing.after(page, asked)

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from self._listing.view(page).items


class AsyncItems(Generic[G, T]):
    """The items of a list; iterating reads page after page, and each time from the beginning."""

    def __init__(self, listing: Listing[G, T], run: Callable[[Request[G]], Awaitable[G]]) -> None:
        """List with what sends a request."""
        self._listing = listing
        self._run = run

    async def pages(self) -> AsyncIterator[G]:
        """Iterate over the pages; the `cursor` of one continues the list later."""
        asked: Request[G] | None = self._listing.first
        while asked is not None:
            page = await self._run(asked)
            yield page
            asked = self._listing.after(page, asked)

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in self._listing.view(page).items:
                yield item
