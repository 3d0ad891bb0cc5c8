"""An API before a world, and tokens that it takes."""

from functions.api.app import Api
from localstack import token
from tests.builders.world import TENANT, World
from whendue.adapters.auth import AuthSettings, Verifier
from whendue.support.clock import Clock

SECRET = "a secret for tests, of more than 32 bytes"


def api_of(world: World, **ports: object) -> Api:
    """Put an API before a world; ports as in `World.build`."""
    app = world.build(**ports) if ports else world.app  # type: ignore[arg-type]
    return Api(app, Verifier(AuthSettings.from_env(token.environment(SECRET)), world.system))


def api_on(world: World, clock: Clock) -> Api:
    """Put an API before a world; it sleeps on this clock."""
    before, world.system = world.system, clock
    try:
        return api_of(world, store=world.table)
    finally:
        world.system = before


def a_token(tenant: str = TENANT, scopes: str = token.SCOPES) -> str:
    """Sign a token."""
    return token.make(tenant, scopes, SECRET)
