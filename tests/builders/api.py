"""An API before a world, and tokens that it takes."""

from functions.api.app import Api
from localstack import token
from tests.builders.world import TENANT, World
from whendue.adapters.auth import AuthSettings, Verifier

SECRET = "a secret for tests, of more than 32 bytes"


def api_of(world: World, **ports: object) -> Api:
    """Put an API before a world; ports as in `World.build`."""
    app = world.build(**ports) if ports else world.app  # type: ignore[arg-type]
    return Api(app, Verifier(AuthSettings.from_env(token.environment(SECRET)), world.system))


def a_token(tenant: str = TENANT, scopes: str = token.SCOPES) -> str:
    """Sign a token."""
    return token.make(tenant, scopes, SECRET)
