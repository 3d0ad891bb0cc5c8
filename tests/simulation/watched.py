"""Every watcher."""

from typing import Final

from tests.simulation.watch_bulk import BulkWatcher
from tests.simulation.watch_dependencies import DependencyWatcher
from tests.simulation.watch_expiry import ExpiryWatcher
from tests.simulation.watch_history import HistoryWatcher
from tests.simulation.watch_lifetimes import LifetimeWatcher
from tests.simulation.watch_limits import LimitWatcher
from tests.simulation.watch_lists import ListWatcher
from tests.simulation.watch_notifications import NotificationWatcher
from tests.simulation.watch_pauses import PauseWatcher
from tests.simulation.watch_profiles import ProfileWatcher
from tests.simulation.watch_schedules import ScheduleWatcher
from tests.simulation.watch_unique import UniqueWatcher
from tests.simulation.watchers import Watcher

WATCHERS: Final[tuple[type[Watcher], ...]] = (
    BulkWatcher,
    DependencyWatcher,
    ExpiryWatcher,
    HistoryWatcher,
    LifetimeWatcher,
    LimitWatcher,
    ListWatcher,
    NotificationWatcher,
    PauseWatcher,
    ProfileWatcher,
    ScheduleWatcher,
    UniqueWatcher,
)
