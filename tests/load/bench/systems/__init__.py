"""The systems that take part, in the order of the page; one module for each kind."""

from tests.load.bench.systems.base import System
from tests.load.bench.systems.celery_workers import CELERY
from tests.load.bench.systems.dramatiq_sqs import Dramatiq
from tests.load.bench.systems.floors import FLOORS
from tests.load.bench.systems.whendue_containers import CONTAINERS
from tests.load.bench.systems.whendue_functions import Functions

SYSTEMS: tuple[System, ...] = (*CONTAINERS, Functions(), *CELERY, Dramatiq(), *FLOORS)
